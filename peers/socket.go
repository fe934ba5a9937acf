package peers

// SocketOptions are the knobs of a TCP socket. On a connection that is not TCP
// they have no effect.
type SocketOptions struct {
	// Nagle leaves Nagle's algorithm on (RFC 9293, 3.7.4). Zero sets TCP_NODELAY,
	// as the net package does by itself.
	Nagle bool `json:"nagle,omitempty"`
	// QuickAck sets TCP_QUICKACK, and sets it again after each read, since Linux
	// falls back to delayed acknowledgements by itself (tcp(7)).
	QuickAck bool `json:"quick_ack,omitempty"`
	// Congestion is the congestion control's name, as in
	// /proc/sys/net/ipv4/tcp_available_congestion_control. Zero is the kernel's own.
	Congestion string `json:"congestion,omitempty"`
	// SendBuffer and ReceiveBuffer set SO_SNDBUF and SO_RCVBUF, in bytes. Zero
	// leaves the kernel to tune them, which is nearly always faster.
	SendBuffer    int `json:"send_buffer,omitempty"`
	ReceiveBuffer int `json:"receive_buffer,omitempty"`
}
