package rtnl

import (
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Attributes of a table of neighbours and its parameters (include/uapi/linux/neighbour.h).
const (
	tableName       = 1  // NDTA_NAME
	tableParams     = 6  // NDTA_PARMS
	paramInterface  = 1  // NDTPA_IFINDEX
	paramMulticasts = 11 // NDTPA_MCAST_PROBES
)

// AskNeighbours has an interface ask so often for a neighbour's address, a second apart, before its host is unreachable: by ARP, or
// with v6 by neighbour discovery. The kernel's default is three times.
func AskNeighbours(name string, index int, v6 bool, times uint32) Op {
	family, table := byte(unix.AF_INET), "arp_cache"
	if v6 {
		family, table = unix.AF_INET6, "ndisc_cache"
	}
	req := nl.NewNetlinkRequest(unix.RTM_SETNEIGHTBL, 0)
	req.AddRawData([]byte{family, 0, 0, 0}) // struct ndtmsg
	req.AddRawData(nl.NewRtAttr(tableName, nl.ZeroTerminated(table)).Serialize())
	params := nl.NewRtAttr(unix.NLA_F_NESTED|tableParams, nil)
	params.AddRtAttr(paramInterface, nl.Uint32Attr(uint32(index)))
	params.AddRtAttr(paramMulticasts, nl.Uint32Attr(times))
	req.AddRawData(params.Serialize())
	return Op{what: fmt.Sprintf("have %s ask %d times for neighbours", name, times), req: req}
}
