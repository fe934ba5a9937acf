package novels

// Nasty returns files that have broken file transfers: by their size, around
// the lockstep dialect's chunk of 1024 bytes, and by content that looks like a
// protocol's. Their names say which. All are smaller than 3 MiB together; for
// large ones see Text.
func Nasty() []Source {
	const chunk = 1024
	text := func(name string, size int64) Source { return Text(name, size, 7) }
	ending := func(name string, size int64, end string) Source {
		b := make([]byte, size)
		_, _ = text("", size).ReadAt(b, 0) // a Source gives all that lies in it
		copy(b[len(b)-len(end):], end)
		return Bytes(name, b)
	}
	octets := make([]byte, 256)
	for i := range octets {
		octets[i] = byte(i)
	}
	return []Source{
		Bytes("empty", nil),
		Bytes("one-byte", []byte{'E'}),
		Bytes("one-newline", []byte{'\n'}),
		Bytes("eof", []byte("EOF")),
		Bytes("eof-twice", []byte("EOFEOF")),
		Bytes("sent", []byte("sent")),
		Bytes("all-bytes", octets),
		Repeat("all-bytes-long", 1<<20, string(octets)),
		Repeat("full-of-sent", 100_003, "sent"),
		Repeat("full-of-eof", 100_001, "EOF"),
		Repeat("full-of-both", 100_002, "sentEOF"),
		Repeat("full-of-headers", 100_005, "OK 0 5 eof\nEOF\nSHA256 0\nGET 0 ../eof\nNO missing eof\n"),
		Repeat("zeros", 1<<20, "\x00"),
		Repeat("newlines", 10_000, "\n"),
		Repeat("no-newline", 70_000, "a"),
		text("chunk-less-one", chunk-1),
		text("chunk", chunk),
		text("chunk-and-one", chunk+1),
		text("chunks", 7*chunk),
		ending("chunk-ends-in-eof", chunk, "EOF"),
		ending("chunks-end-in-eof", 3*chunk, "EOF"),
		ending("chunks-and-eof", 3*chunk+3, "EOF"),
		ending("short-ends-in-eof", 2*chunk+500, "EOF"),
		ending("eof-across-chunks", 2*chunk+1, "EOF"),
		ending("ends-in-sent", 2*chunk+4, "sent"),
		text("page-less-one", pageSize-1),
		text("page", pageSize),
		text("page-and-one", pageSize+1),
	}
}
