package rtnl

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// parseAttrs takes a run of attributes (linux/rtnetlink.h, struct rtattr) apart. The last one may end without its padding,
// at which nl.ParseRouteAttr of netlink v1.3.1 panics.
func parseAttrs(b []byte) ([]syscall.NetlinkRouteAttr, error) {
	var all []syscall.NetlinkRouteAttr
	for len(b) >= unix.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			return nil, fmt.Errorf("attribute of %d bytes in %d", size, len(b))
		}
		all = append(all, syscall.NetlinkRouteAttr{
			Attr: syscall.RtAttr{
				Len:  uint16(size),
				Type: binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER),
			},
			Value: b[unix.SizeofRtAttr:size],
		})
		b = b[min((size+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(b)):]
	}
	return all, nil
}
