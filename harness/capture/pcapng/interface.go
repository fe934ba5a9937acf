package pcapng

// Interface describes one source of packets. Empty texts are left out.
type Interface struct {
	Name        string   // "h1-eth0"
	Description string   // free text
	OS          string   // the system the interface is on, "Linux 6.18.44"
	LinkType    LinkType // zero: Ethernet
	SnapLen     uint32   // bytes kept of a packet; zero: all
	Filter      string   // the filter that packets had to pass; empty: none
}

// AppendInterface appends the interface description block of i. Its timestamps
// count nanoseconds since 1970 (if_tsresol 9).
func AppendInterface(b []byte, i Interface) []byte {
	if i.LinkType == 0 {
		i.LinkType = Ethernet
	}
	b, start := openBlock(b, blockInterface)
	b = le.AppendUint16(b, uint16(i.LinkType))
	b = le.AppendUint16(b, 0) // reserved
	b = le.AppendUint32(b, i.SnapLen)
	o := len(b)
	b = appendText(b, optInterfaceName, i.Name)
	b = appendText(b, optInterfaceDescription, i.Description)
	b = appendOption(b, optInterfaceResolution, []byte{9})
	if i.Filter != "" {
		// The first byte says that a filter string of libpcap follows.
		b = appendText(b, optInterfaceFilter, "\x00"+i.Filter)
	}
	b = appendText(b, optInterfaceOS, i.OS)
	return closeBlock(endOptions(b, o), start)
}
