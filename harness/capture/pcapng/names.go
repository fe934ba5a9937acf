package pcapng

import "net/netip"

// Name says which names an address has.
type Name struct {
	Addr  netip.Addr
	Names []string
}

const (
	nameEnd  = 0
	nameIPv4 = 1
	nameIPv6 = 2
)

// AppendNames appends a name resolution block. An entry without a valid address
// or without names is left out, and so is what does not fit its record of 65,535
// bytes. An IPv4 address mapped into IPv6 counts as IPv4.
func AppendNames(b []byte, names []Name) []byte {
	b, start := openBlock(b, blockNames)
	for _, n := range names {
		addr := n.Addr.Unmap().WithZone("")
		size := addr.BitLen() / 8
		var list []byte
		for _, name := range n.Names {
			if name != "" && size+len(list)+len(name)+1 <= MaxText {
				list = append(append(list, name...), 0)
			}
		}
		if size == 0 || len(list) == 0 {
			continue
		}
		kind := uint16(nameIPv4)
		if addr.Is6() {
			kind = nameIPv6
		}
		b = le.AppendUint16(b, kind)
		b = le.AppendUint16(b, uint16(size+len(list)))
		b = append(append(b, addr.AsSlice()...), list...)
		b = pad(b, size+len(list))
	}
	b = le.AppendUint32(b, nameEnd)
	return closeBlock(b, start)
}
