package peers

import (
	"context"
	"math"
	"net"
	"strings"
	"testing"
	"testing/fstest"
)

// What a peer is set to is refused before it allocates, dials or listens, in a sentence that says what would do.
func TestBuffersAreBounded(t *testing.T) {
	for bytes, want := range map[int]string{
		-1: "buffer of -1 bytes: use 1 to 67108864, or 0 for the default", MaxBuffer + 1: "buffer of 67108865 bytes: use 1 to",
		math.MaxInt: "use 1 to 67108864", 0: "", 1: "", MaxBuffer: "",
	} {
		s := &Server{Files: fstest.MapFS{}, Buffer: bytes}
		c := &Client{Dial: func(context.Context) (net.Conn, error) { return nil, net.ErrClosed }, Buffer: bytes}
		for who, err := range map[string]error{"server": s.check(), "client": c.check(Persistent, "", []string{"book"})} {
			switch {
			case want == "" && err != nil:
				t.Errorf("%s with a buffer of %d: %v", who, bytes, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), who+": ") || !strings.Contains(err.Error(), want)):
				t.Errorf("%s with a buffer of %d: %v, want %q", who, bytes, err, want)
			}
		}
	}
}

func TestUnknownNamesListWhatThereIs(t *testing.T) {
	_, model := ParseModel("prefork")
	_, mode := ParseMode("lazy")
	for want, err := range map[string]error{
		`server model "prefork" does not exist: use sequential, thread or fork`:          model,
		`client mode "lazy" does not exist: use persistent, nonpersistent or concurrent`: mode,
	} {
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
