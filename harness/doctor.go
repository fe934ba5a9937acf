package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/wireproof/wireproof/harness/internal/nsthread"
	"github.com/wireproof/wireproof/harness/internal/pidone"
	"github.com/wireproof/wireproof/harness/internal/relay"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/userns"
)

// A Capability is something that this machine can or cannot do.
type Capability struct {
	Name   string `json:"name"`             // "root", "veth", "tshark", …
	OK     bool   `json:"ok"`               //
	Needed bool   `json:"needed"`           // whether the harness needs it; the others are for some links, parts or tests
	Detail string `json:"detail"`           // what was found
	Remedy string `json:"remedy,omitempty"` // what to do where it is missing: a package, a setting, a way to run
}

// A probe finds out about one capability. It returns what it found; an error where the capability is not there.
type probe struct {
	name   string
	needed bool
	remedy string
	try    func(ctx context.Context) (detail string, err error)
}

var probes = []probe{
	{"root", true, "run as root (sudo), or with CAP_SYS_ADMIN and CAP_NET_ADMIN", tryRoot},
	{"network namespaces", true, "use a kernel with CONFIG_NET_NS", tryScratch(nil)},
	{"process namespaces", true, "use a kernel with CONFIG_PID_NS, and a container that may mount (privileged)", tryFirst},
	{"veth", true, "modprobe veth", tryScratch(func(c *rtnl.Conn) error { return c.Do(scratchVeth()) })},
	{"bridge", true, "modprobe bridge", tryScratch(func(c *rtnl.Conn) error {
		return c.Do(rtnl.AddBridge(rtnl.Bridge{Index: bridgeIndex, Name: "s1"}))
	})},
	{"htb", true, "modprobe sch_htb", tryScratch(func(c *rtnl.Conn) error {
		return c.Do(append([]rtnl.Op{scratchVeth()}, rtnl.AddHTB("h1-eth0", firstIndex, 1e9)...)...)
	})},
	{"packet ring", true, "use a kernel with CONFIG_PACKET (modprobe af_packet) and CONFIG_PACKET_MMAP", tryScratch(tryRing)},
	{"sock_diag", true, "modprobe tcp_diag", tryScratch(func(*rtnl.Conn) error {
		c, err := rtnl.OpenDiag()
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.TCP(rtnl.TCPAll)
		return err
	})},
	{"netem", false, "modprobe sch_netem (RHEL: dnf install kernel-modules-extra)", tryQdisc("netem")},
	{"fq", false, "modprobe sch_fq", tryQdisc("fq")},
	{"tun", false, "modprobe tun; a container needs the device /dev/net/tun", tryTun},
	{"bpf", false, "use a kernel with CONFIG_BPF_SYSCALL, and CAP_BPF", tryBPF},
	{"tcx", false, "use Linux 6.6 or later, and CAP_BPF; without it user links copy each frame also while nothing is asked of them",
		tryScratch(func(*rtnl.Conn) error { return relay.CanBypass() })},
	{"awake", false, "run as root of the machine; a container needs the device /dev/cpu_dma_latency; without it delays are some 50 µs longer", tryAwake},
	{"user namespaces", false, "see the kernel's answer", tryUserNS},
	{"tshark", false, "apt-get install tshark", tryProgram("tshark")},
	{"tcpdump", false, "apt-get install tcpdump", tryProgram("tcpdump")},
	{"tcpflow", false, "apt-get install tcpflow", tryProgram("tcpflow")},
	{"curl", false, "apt-get install curl", tryProgram("curl")},
	{"iperf3", false, "apt-get install iperf3", tryProgram("iperf3")},
	{"chromium", false, "apt-get install chromium", tryProgram("chromium")},
	{"ping", false, "apt-get install iputils-ping", tryProgram("ping")},
	{"mininet", false, "apt-get install mininet", tryMininet},
	{"user-mode linux", false, "apt-get install user-mode-linux", tryProgram("linux.uml")},
}

// Doctor finds out what this machine can do, by doing it in namespaces of its own, and leaves nothing behind.
func Doctor(ctx context.Context) []Capability { return Probe(ctx) }

// Probe is Doctor for these capabilities alone (none: all). One that does not exist is reported as missing.
func Probe(ctx context.Context, names ...string) []Capability {
	var known []string
	for _, p := range probes {
		known = append(known, p.name)
	}
	if len(names) == 0 {
		names = known
	}
	var all []Capability
	for _, name := range names {
		all = append(all, probeOne(ctx, name, known))
	}
	return all
}

func probeOne(ctx context.Context, name string, known []string) Capability {
	for _, p := range probes {
		if p.name != name {
			continue
		}
		c := Capability{Name: name, OK: true, Needed: p.needed}
		detail, err := p.try(ctx)
		if err != nil {
			c.OK, c.Remedy = false, p.remedy
			detail = err.Error()
			var refused *userns.Refusal
			denied := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
			if errors.As(err, &refused) {
				detail, c.Remedy = fmt.Sprintf("%v: %s", refused.Err, refused.Rule), refused.Remedy()
			} else if _, noRoot := tryRoot(ctx); denied && noRoot != nil {
				c.Remedy = "run as root (sudo): only then it shows whether it is there"
			}
		}
		c.Detail = detail
		return c
	}
	err := &UnknownError{Kind: "capability", Name: name, Known: known}
	return Capability{Name: name, Detail: err.Error(), Remedy: "ask for one of these"}
}

// MininetPython is the Python 3 interpreter that can import Mininet.
func MininetPython(ctx context.Context) (path string, err error) {
	// Mininet's package goes with the system's own interpreter; another may be first in PATH.
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		path, lookErr := exec.LookPath(python)
		if lookErr != nil {
			err = errors.Join(err, lookErr)
			continue
		}
		out, runErr := exec.CommandContext(ctx, path, "-c", "import mininet.net").CombinedOutput()
		if runErr == nil {
			return path, nil
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		err = errors.Join(err, fmt.Errorf("%s: %s: %w", path, lines[len(lines)-1], runErr))
	}
	return "", err
}

func tryRoot(context.Context) (string, error) {
	err := nsthread.Make(func(unshare func() (netns.NsHandle, error)) error {
		ns, err := unshare()
		if err != nil {
			return err
		}
		return ns.Close()
	})
	if errors.Is(err, unix.EPERM) {
		return "", fmt.Errorf("user %d may not make network namespaces", os.Geteuid())
	}
	if userns.Inside() {
		return "a user namespace may make network namespaces", nil
	}
	return fmt.Sprintf("user %d may make network namespaces", os.Geteuid()), nil
}

// tryScratch runs f inside a new network namespace.
func tryScratch(f func(*rtnl.Conn) error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		return "works", nsthread.Make(func(unshare func() (netns.NsHandle, error)) error {
			ns, err := unshare()
			if err != nil {
				return err
			}
			defer ns.Close()
			c, err := rtnl.Open()
			if err != nil {
				return err
			}
			defer c.Close()
			if f == nil {
				return nil
			}
			return f(c)
		})
	}
}

func scratchVeth() rtnl.Op {
	return rtnl.AddVeth(
		rtnl.End{Index: firstIndex, Name: "h1-eth0", MAC: []byte{2, 0, 0, 0, 0, 1}}, 0,
		rtnl.End{Index: firstIndex + 1, Name: "h2-eth0", MAC: []byte{2, 0, 0, 0, 0, 2}}, netns.None())
}

func tryQdisc(kind string) func(context.Context) (string, error) {
	return tryScratch(func(c *rtnl.Conn) error {
		if err := c.Do(scratchVeth()); err != nil {
			return err
		}
		return c.Do(rtnl.ProbeQdisc("h1-eth0", firstIndex, kind))
	})
}

func tryRing(*rtnl.Conn) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open packet socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("set TPACKET_V3: %w", err)
	}
	block := uint32(os.Getpagesize())
	ring := unix.TpacketReq3{Block_size: block, Block_nr: 1, Frame_size: block, Frame_nr: 1}
	if err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &ring); err != nil {
		return fmt.Errorf("set up the ring: %w", err)
	}
	return nil
}

func tryFirst(context.Context) (string, error) {
	p, err := pidone.Start("127.0.0.1\tlocalhost\n")
	if err != nil {
		return "", err
	}
	return "works", errors.Join(p.Kill(), p.Wait())
}

func tryTun(context.Context) (string, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("open /dev/net/tun: %w", err)
	}
	return "/dev/net/tun opens", unix.Close(fd)
}

// tryAwake opens what the relay holds while a link delays, and lets go of it without a word: nothing changes.
func tryAwake(context.Context) (string, error) {
	fd, err := unix.Open("/dev/cpu_dma_latency", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("open /dev/cpu_dma_latency: %w", err)
	}
	return "processors can be held awake while a link delays; that costs power", unix.Close(fd)
}

func tryUserNS(context.Context) (string, error) {
	return "what needs root runs without", userns.Try()
}

func tryProgram(name string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return exec.LookPath(name) }
}

func tryMininet(ctx context.Context) (string, error) {
	python, err := MininetPython(ctx)
	if err != nil {
		return "", err
	}
	return "by " + python, nil
}
