// Package protocol is the two wire formats that wireproof's peers speak, as
// bytes in and bytes out: no sockets, no clocks, no files.
//
//	stream    length-delimited, pipelined, resumable, checked by SHA-256; the default
//	lockstep  the format of the original programs, one chunk and one
//	          acknowledgement at a time, without lengths and without errors
//
// # The stream dialect
//
// A connection carries any number of exchanges. Requests may be pipelined;
// answers come in the order of the requests.
//
//	connection = *exchange
//	exchange   = request answer
//	request    = "GET" SP offset SP name LF
//	answer     = accepted / refused
//	accepted   = "OK" SP offset SP length SP name LF
//	             *OCTET                        ; exactly length of them
//	             "SHA256" SP digest [SP digest] LF
//	refused    = "NO" SP code SP reason LF
//
//	offset     = number                        ; bytes of the file to leave out
//	length     = number                        ; offset + length fits in 63 bits
//	number     = "0" / (%x31-39 *18DIGIT)      ; at most 2^63-1
//	name       = 1*255TEXT                     ; see CheckName: never a path
//	code       = "missing" / "name" / "offset" / "busy" / "failed" / "request"
//	reason     = 1*512TEXT                     ; for people
//	digest     = 64(DIGIT / %x61-66)           ; lower case
//	TEXT       = any character of UTF-8 that is no control character; SP included
//	SP         = %x20
//	LF         = %x0A
//
// (Digits, %x and *n as in RFC 5234.) The name is last on its line, so it may
// hold spaces. A line has at most [MaxLine] bytes, its LF included. The first
// digest is of the bytes that this answer sent; the second one stands only, and
// always, where offset is greater than zero, and is of the whole file from its
// first byte, so that a client that resumed knows that both parts belong
// together. [Reader.ReadTrailer] reports which of the two forms came; holding
// a server to it is the client's business, which knows what it asked for.
//
// Every value has one form on the wire: no leading zeros, no plus sign, no
// second space, no upper-case digest, no CR before the LF. What the parser
// accepts, the writer writes again byte for byte.
//
// Whoever refuses a request whose line was well formed (a missing file, a bad
// name, an offset past the end) goes on with the connection. After a
// [SyntaxError] the place in the stream is lost: answer with [CodeRequest] and
// close.
//
// # The lockstep dialect
//
//	connection = *exchange
//	exchange   = name ready go *(chunk ack) end
//	name       = 1*1024OCTET     ; client; a path whose last element is the name
//	ready      = "sent"          ; server: the file is open
//	go         = "sent"          ; client
//	chunk      = 1*bufferOCTET   ; server; the buffer is 1024 bytes
//	ack        = "sent"          ; client, one for each chunk
//	end        = "EOF"           ; server; not acknowledged
//
// It delimits nothing. The original programs take whatever one recv returns for
// one message: recv(1024) for the name and for a chunk, recv(100) for an
// acknowledgement, whatever it says; a read of exactly "EOF" is the end. There
// is no way to say no but to close. Silence is therefore part of the format:
// where bytes alone cannot tell whether a message is complete, the machines
// here wait for an input event of their own, Quiet, which their driver gives
// when nothing came for a while that is longer than any pause inside one
// message. See [LockstepServer] and [LockstepClient]; what cannot be decided at
// all is listed at [AmbiguousError].
package protocol
