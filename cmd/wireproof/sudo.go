package main

import (
	"os"
	"strconv"
)

// behindSudo returns the user who called sudo (sudo(8), ENVIRONMENT).
func behindSudo() (uid, gid int, ok bool) {
	uid, errUID := strconv.Atoi(os.Getenv("SUDO_UID"))
	gid, errGID := strconv.Atoi(os.Getenv("SUDO_GID"))
	return uid, gid, errUID == nil && errGID == nil && os.Geteuid() == 0
}
