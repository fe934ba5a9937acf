package topo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	. "github.com/wireproof/wireproof/harness/topo"
)

func TestInterfaces(t *testing.T) {
	topo := servers()
	topo.IPv6 = true
	var got strings.Builder
	for _, i := range topo.Interfaces() {
		fmt.Fprintf(&got, "%d %-8s %d %s %-8s %-12s %v %s %s\n", i.Link, i.Name, i.Port, i.MAC, i.PeerName, i.Node+">"+i.Peer, i.Send, text(i.Addr), text(i.Addr6))
	}
	golden(t, "interfaces.txt", got.String())
	for name, want := range map[string]string{"H": "10.0.0.1", "S": "10.0.0.9", "S1": "10.0.0.10", "S2": "10.0.0.11"} {
		if addr, ok := topo.HostAddr(name); !ok || addr.String() != want {
			t.Errorf("part l: %s has %v %v, want %s", name, addr, ok, want)
		}
	}
	for _, name := range []string{"s1", "T", ""} {
		if addr, ok := topo.HostAddr(name); ok {
			t.Errorf("%q is no host and has %v", name, addr)
		}
		if addr, ok := topo.HostAddr6(name); ok {
			t.Errorf("%q is no host and has %v", name, addr)
		}
	}
	if addr, ok := topo.HostAddr6("S1"); !ok || addr.String() != "fd00::a" {
		t.Errorf("S1 has %v %v, want fd00::a", addr, ok)
	}
	if addr, ok := servers().HostAddr6("S1"); ok {
		t.Errorf("S1 has %v without IPv6", addr)
	}
}

func text(p netip.Prefix) string {
	if !p.IsValid() {
		return "-"
	}
	return p.String()
}

func TestInterfacesOwnAddress(t *testing.T) {
	topo := Single(3)
	own := netip.MustParsePrefix("10.9.8.7/8")
	topo.Hosts[1].Addr = own
	want := map[string]string{"h1": "10.0.0.1/8", "h2": "10.9.8.7/8", "h3": "10.0.0.3/8"}
	for _, i := range topo.Interfaces() {
		if want[i.Node] != "" && i.Addr.String() != want[i.Node] {
			t.Errorf("%s has %v, want %s", i.Node, i.Addr, want[i.Node])
		}
	}
	if addr, _ := topo.HostAddr("h2"); addr != own.Addr() {
		t.Errorf("h2 has %v, want %v", addr, own.Addr())
	}
}

// The first switch is the root of a spanning tree whatever was added first: a
// bridge takes the lowest address of its ports (br_stp_recalculate_bridge_id).
func TestInterfacesRoot(t *testing.T) {
	topo := Topo{}
	topo.AddSwitch("s10", "s9", "s1").AddHost("h1").AddLink("s10", "s9").AddLink("s9", "s1").AddLink("s1", "h1")
	lowest := map[string][]byte{}
	for _, i := range topo.Interfaces() {
		if l, ok := lowest[i.Node]; !ok || bytes.Compare(i.MAC, l) < 0 {
			lowest[i.Node] = i.MAC
		}
	}
	if bytes.Compare(lowest["s1"], lowest["s9"]) >= 0 || bytes.Compare(lowest["s9"], lowest["s10"]) >= 0 {
		t.Errorf("addresses do not order the switches: %x", lowest)
	}
}

func TestJSON(t *testing.T) {
	all := good()
	own := Single(2)
	own.Hosts[0].Addr = netip.MustParsePrefix("172.16.0.1/12")
	all["own address"] = own
	all["empty"] = Topo{}
	for name, topo := range all {
		text, err := json.Marshal(topo)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var back Topo
		if err := json.Unmarshal(text, &back); err != nil {
			t.Errorf("%s: %v in %s", name, err, text)
		}
		if diff := cmp.Diff(topo, back, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s comes back different (-out +back):\n%s", name, diff)
		}
	}
	text, err := json.MarshalIndent(asymmetric(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "asymmetric.json", string(text)+"\n")
	if _, err := json.Marshal(Topo{Loops: 9}); err == nil {
		t.Error("an unknown Loops was written")
	}
	if err := json.Unmarshal([]byte(`{"loops":"open"}`), new(Topo)); err == nil || !strings.Contains(err.Error(), "spanning-tree") {
		t.Errorf("an unknown Loops was read, or the error does not say which exist: %v", err)
	}
}

func TestClone(t *testing.T) {
	a := Single(2)
	b := a.Clone()
	b.Hosts[0].Name, b.Switches[0].Name, b.Links[0].A = "x", "x", "x"
	if a.Hosts[0].Name == "x" || a.Switches[0].Name == "x" || a.Links[0].A == "x" {
		t.Errorf("the clone shares with the original: %+v", a)
	}
}

func TestBitRate(t *testing.T) {
	for text, want := range map[string]BitRate{
		"10Mbit": 10 * Mbit, "1.5 Gbit/s": 1500 * Mbit, "250k": 250 * Kbit, "1000": 1000, "0": 0, ".5kbit": 500,
		"1000 MBIT": Gbit, " 3bit ": 3, "9223372036854775807": 9223372036854775807,
	} {
		if got, err := ParseBitRate(text); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "fast", "10Mbps", "10MB", "-1Mbit", "1.5bit", "1e3", "9223372036854775808", "10000000000Gbit",
		"1..5", "0x10", "1/2", "10Mbit/s/s", strings.Repeat("9", 1000)} {
		if got, err := ParseBitRate(text); err == nil {
			t.Errorf("%q: accepted as %d", text, got)
		}
	}
	for rate, want := range map[BitRate]string{0: "0bit", 999: "999bit", 1500: "1.5kbit", Gbit: "1Gbit", 2500 * Mbit: "2.5Gbit",
		1234567: "1.234567Mbit", -1500: "-1.5kbit", 1000*Mbit + 1: "1.000000001Gbit"} {
		if got := rate.String(); got != want {
			t.Errorf("%d: %s, want %s", int64(rate), got, want)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		rate := BitRate(r.Int64() >> r.IntN(63))
		if back, err := ParseBitRate(rate.String()); err != nil || back != rate {
			t.Fatalf("%d is written %s and read as %d, %v", int64(rate), rate, int64(back), err)
		}
	}
}

// check fails if what Validate promises of a good topology does not hold.
func check(t *testing.T, topo Topo) {
	t.Helper()
	names, macs, addrs := map[string]bool{}, map[string]bool{}, map[netip.Addr]bool{}
	interfaces := topo.Interfaces()
	if len(interfaces) != 2*len(topo.Links) {
		t.Errorf("%d interfaces on %d links", len(interfaces), len(topo.Links))
	}
	for n, i := range interfaces {
		if names[i.Name] || len(i.Name) > 15 {
			t.Errorf("interface name %s is taken or too long", i.Name)
		}
		if macs[i.MAC.String()] || i.MAC[0]&1 != 0 {
			t.Errorf("%s: address %s is taken or multicast", i.Name, i.MAC)
		}
		names[i.Name], macs[i.MAC.String()] = true, true
		for _, a := range []netip.Prefix{i.Addr, i.Addr6} {
			if a.IsValid() && addrs[a.Addr()] {
				t.Errorf("%s: address %v is taken", i.Name, a)
			}
			addrs[a.Addr()] = true
		}
		if peer := interfaces[n^1]; peer.Name != i.PeerName || peer.Node != i.Peer || peer.Link != i.Link {
			t.Errorf("%+v is not the peer of %+v", peer, i)
		}
	}
	for _, h := range topo.Hosts {
		addr, ok := topo.HostAddr(h.Name)
		if !ok || !addrs[addr] {
			t.Errorf("host %s: address %v is on no interface", h.Name, addr)
		}
	}
}

func TestValidateKeepsItsPromise(t *testing.T) {
	for _, topo := range good() {
		check(t, topo)
	}
}

// FuzzJSON: whatever is read as a topology can be checked, numbered and drawn.
func FuzzJSON(f *testing.F) {
	for name, topo := range good() {
		if len(topo.Links) < 20 { // small seeds fuzz faster
			text, err := json.Marshal(topo)
			if err != nil {
				f.Fatalf("%s: %v", name, err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var topo Topo
		if json.Unmarshal(text, &topo) == nil {
			survive(t, topo)
		}
	})
}

// FuzzTopo: as FuzzJSON, and most inputs are valid or nearly so. Each pair of
// bytes is one step of building.
func FuzzTopo(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x00\x02\x00\x02\x10\x03\x05"), byte(0))
	f.Add([]byte("abcdefghijklmnopqrstuvwxyz"), byte(1))
	f.Fuzz(func(t *testing.T, steps []byte, flags byte) {
		topo := Topo{Loops: Loops(flags % 4), IPv6: flags&4 != 0}
		names := []string{"h1", "h01", "S", "s1", "a-eth1", "a"}
		name := func(n byte) string {
			if int(n) < len(names) {
				return names[n]
			}
			return fmt.Sprintf("n%d", n/4)
		}
		for pair := range slices.Chunk(steps, 2) {
			a, b := pair[0], pair[len(pair)-1]
			switch {
			case a%8 == 0:
				topo.AddHost(name(b))
			case a%8 == 1:
				topo.AddSwitch(name(b))
			case a%8 == 2 && len(topo.Hosts) > 0:
				topo.Hosts[int(b)%len(topo.Hosts)].Addr = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, a / 8, b}), 8)
			case a%8 == 3:
				topo.AddLink(name(a/8), name(b), LinkParams{Rate: BitRate(b), LossPercent: float64(a)})
			default:
				topo.AddLink(name(a/8), name(b))
			}
		}
		survive(t, topo)
	})
}

func survive(t *testing.T, topo Topo) {
	topo.Draw()
	if err := topo.Validate(); err != nil {
		if len(Mistakes(err)) == 0 {
			t.Errorf("an error without a mistake: %v", err)
		}
		topo.Interfaces()
		return
	}
	check(t, topo)
	text, err := json.Marshal(topo)
	var back Topo
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if diff := cmp.Diff(topo, back, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%s comes back different: %v\n%s", text, err, diff)
	}
}

func BenchmarkInterfaces(b *testing.B) {
	topo := Single(500)
	for b.Loop() {
		topo.Interfaces()
	}
}

func BenchmarkValidate(b *testing.B) {
	topo := Single(500)
	for b.Loop() {
		if err := topo.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}
