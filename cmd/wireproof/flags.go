package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/peers"
)

// flagError says of a flag that does not parse what would.
func flagError(c *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usage("%w: see %s --help", err, c.CommandPath())
	}
	wanted := "see " + c.CommandPath() + " --help"
	switch invalid.GetFlag().Value.Type() {
	case "int":
		wanted = "give a whole number"
	case "float64":
		wanted = "give a number, such as 10 or 0.5"
	case "duration":
		wanted = "give a duration with its unit, such as 5ms or 1m30s"
	case "intSlice":
		wanted = "give whole numbers, such as 1,3"
	case "bool":
		wanted = "give the flag alone, or =true or =false"
	}
	return usage("--%s %q: %s", invalid.GetFlag().Name, invalid.GetValue(), wanted)
}

// noArguments is for commands that have flags only.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no argument, and got %q: see %s --help", c.CommandPath(), args[0], c.CommandPath())
	}
	return nil
}

// socketFlags are the knobs of the original programs.
type socketFlags struct {
	buffer     int
	nagle      bool
	quickAck   bool
	congestion string
}

func (s *socketFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(&s.buffer, "buffer", 0, "bytes of one lockstep exchange, and of one read or write of a stream (default: 1024, and what is fastest)")
	f.BoolVar(&s.nagle, "nagle", false, "leave Nagle's algorithm on (no TCP_NODELAY)")
	f.BoolVar(&s.quickAck, "quickack", false, "turn delayed acknowledgements off (TCP_QUICKACK)")
	f.StringVar(&s.congestion, "congestion", "", "congestion control, such as cubic, reno or bbr (default: the host's)")
}

// check tries what can be tried before there is a connection.
func (s *socketFlags) check(given *pflag.FlagSet) error {
	if given.Changed("buffer") && (s.buffer < 1 || s.buffer > peers.MaxBuffer) {
		return usage("--buffer %d: a buffer has 1 to %d bytes", s.buffer, peers.MaxBuffer)
	}
	if s.congestion == "" {
		return nil
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil // then the transfer will say why
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, s.congestion); errors.Is(err, unix.ENOENT) {
		have, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
		return usage("--congestion %s: this kernel has %s; modprobe tcp_%s where that module exists", s.congestion, strings.Join(strings.Fields(string(have)), ", "), s.congestion)
	}
	return nil
}

func (s *socketFlags) options() peers.SocketOptions {
	return peers.SocketOptions{Nagle: s.nagle, QuickAck: s.quickAck, Congestion: s.congestion}
}
