# What the scripts here share. Sourced by bash, with the top of the repository as the working directory.

set -euo pipefail

say()  { printf '\n== %s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# An ordinary user's PATH has no sbin on Debian, where ip and tcpdump are; sudo's and CI's often have no Go.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
if ! command -v go >/dev/null; then
	for dir in "${GOROOT:-/usr/local/go}/bin" /usr/local/go/bin /usr/lib/go/bin /snap/bin "${HOME:-/root}/go/bin"; do
		if [ -x "$dir/go" ]; then PATH=$PATH:$dir; break; fi
	done
fi
command -v go >/dev/null || fail "no go on PATH or in /usr/local/go/bin: install Go 1.26 or later from https://go.dev/dl/"
# Without HOME there is no build cache.
if [ -z "${HOME:-}" ]; then HOME=$(getent passwd "$(id -u)" | cut -d: -f6); fi
export PATH HOME
# A checkout that belongs to someone else makes git, and with it go build, refuse to tell its revision.
export GOFLAGS="${GOFLAGS:+$GOFLAGS }-buildvcs=false"

is_root() { [ "$(id -u)" = 0 ]; }

# can_root: true if commands can be run as root. Asks for the password once where there is a terminal to ask on.
can_root() {
	is_root && return
	command -v sudo >/dev/null || return 1
	sudo -n true 2>/dev/null && return
	[ -t 0 ] && [ -t 2 ] && sudo -v
}

# as_root COMMAND...: runs it as root. Only what is named here passes through sudo.
as_root() {
	if is_root; then "$@"; else sudo -n -- "$@"; fi
}

# go_test_root ARG...: go test, with the tests run as root. The compiler runs as whoever called, so that no file of
# root's appears in that user's caches.
go_test_root() {
	if is_root; then go test "$@"; else go test -exec "$PWD/.ci/as-root" "$@"; fi
}
