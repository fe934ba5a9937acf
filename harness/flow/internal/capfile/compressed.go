package capfile

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds what a zstd frame may ask to be remembered, in bytes. It is the bound of the
// zstd program too, and only what was compressed with --ultra or --long asks for more than 8 MiB.
const maxWindow = 128 << 20

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// decompressed returns what src holds: src itself, or, where it begins as gzip or zstd does, what
// was compressed, and by what. head is the first bytes of src, already read.
func decompressed(head []byte, src io.Reader) (in io.Reader, how string, closer func(), err error) {
	in, closer = io.MultiReader(bytes.NewReader(head), src), func() {}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, "", nil, fmt.Errorf("%w: it begins as gzip does, but %v", ErrNotCapture, err)
		}
		return z, "gzip", func() { z.Close() }, nil
	case bytes.HasPrefix(head, zstdMagic):
		// One goroutine, so that reading holds one window and no more.
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, "", nil, fmt.Errorf("%w: it begins as zstd does, but %v", ErrNotCapture, err)
		}
		return z, "zstd", z.Close, nil
	}
	return src, "", closer, nil
}
