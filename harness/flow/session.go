package flow

import "net/netip"

// Session is one claim: one TCP connection from Client to Server carries
// exactly these files, in this order, from the server to the client.
type Session struct {
	Client netip.Addr     // zero: any client
	Server netip.AddrPort // zero address: any address; zero port: any port
	Files  []string       // names of Options.Files; empty: none of them
	// AnyOrder claims the files without their order.
	AnyOrder bool
	Label    string // how details call the session, such as the client's host name; "": its address
}
