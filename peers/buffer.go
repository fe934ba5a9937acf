package peers

import "fmt"

// MaxBuffer is the largest Buffer of a Client or a Server, in bytes: more than any socket holds (net.ipv4.tcp_wmem and
// tcp_rmem end at some MiB), and little enough that every connection can have its own.
const MaxBuffer = 64 << 20

func checkBuffer(bytes int) error {
	if bytes < 0 || bytes > MaxBuffer {
		return fmt.Errorf("buffer of %d bytes: use 1 to %d, or 0 for the default", bytes, MaxBuffer)
	}
	return nil
}
