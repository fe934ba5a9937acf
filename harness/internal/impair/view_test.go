package impair

import (
	"net/netip"
	"testing"
)

func TestView(t *testing.T) {
	for name, c := range map[string]struct {
		f       frame
		payload int
		header  int
		ports   bool
	}{
		"plain":           {frame{sport: 1, dport: 2, flags: flagSYN}, 0, 54, true},
		"options, padded": {frame{options: 3, payload: 7, pad: 20}, 7, 66, true},
		"vlan":            {frame{vlan: 1, payload: 1}, 1, 58, true},
		"qinq":            {frame{vlan: 2, payload: 1}, 1, 62, true},
		"three tags":      {frame{vlan: 3, payload: 1}, 0, 0, false},
		"ipv6":            {frame{src: "fd00::1", dst: "fd00::2", payload: 9}, 9, 74, true},
		"extensions":      {frame{src: "fd00::1", dst: "fd00::2", payload: 9, extensions: []byte{0, 43, 60}}, 9, 98, true},
		"first fragment":  {frame{src: "fd00::1", dst: "fd00::2", payload: 9, extensions: []byte{44}}, 9, 82, true},
		"later fragment":  {frame{src: "fd00::1", dst: "fd00::2", payload: 9, extensions: []byte{44}, fragment: 4}, 0, 0, false},
		"later, ipv4":     {frame{payload: 9, fragment: 4}, 0, 0, false},
		"more, ipv4":      {frame{payload: 9, fragment: 0x2000}, 9, 54, true},
		"udp":             {frame{proto: protoUDP, payload: 4}, 4, 42, true},
		"too many":        {frame{src: "fd00::1", dst: "fd00::2", extensions: []byte{60, 60, 60, 60, 60, 60, 60, 60, 60}}, 0, 0, false},
	} {
		var v View
		v.Parse(c.f.bytes())
		if v.Payload != c.payload || v.Header != c.header || v.Ports != c.ports {
			t.Errorf("%s: payload %d behind %d, ports %v, want %d behind %d, %v", name, v.Payload, v.Header, v.Ports, c.payload, c.header, c.ports)
		}
		if c.ports && (v.SrcPort != c.f.sport || v.DstPort != c.f.dport) {
			t.Errorf("%s: ports %d, %d", name, v.SrcPort, v.DstPort)
		}
	}
	var v View
	v.Parse(frame{}.bytes())
	if v.Src != netip.MustParseAddr("10.0.0.1").As16() || v.Dst != netip.MustParseAddr("10.0.0.2").As16() {
		t.Errorf("IPv4 addresses: %v, %v", v.Src, v.Dst)
	}
}

func TestCounted(t *testing.T) {
	arp := make([]byte, 60)
	arp[12], arp[13] = 0x08, 0x06
	igmp := frame{proto: 2}.bytes()
	for name, c := range map[string]struct {
		b    []byte
		want bool
	}{
		"tcp":           {frame{}.bytes(), true},
		"tcp in a vlan": {frame{vlan: 1}.bytes(), true},
		"udp over ipv6": {frame{src: "fd00::1", dst: "fd00::2", proto: protoUDP}.bytes(), true},
		"echo":          {frame{src: "fd00::1", dst: "fd00::2", proto: protoICMP6, flags: 128}.bytes(), true},
		"solicitation":  {frame{src: "fd00::1", dst: "fd00::2", proto: protoICMP6, flags: 135}.bytes(), false},
		"mld":           {frame{src: "fd00::1", dst: "fd00::2", proto: protoICMP6, flags: 143, extensions: []byte{0}}.bytes(), false},
		"too big":       {frame{src: "fd00::1", dst: "fd00::2", proto: protoICMP6, flags: 2}.bytes(), true},
		"igmp":          {igmp, false},
		"arp":           {arp, false},
		"nothing":       {nil, false},
		"a bare header": {frame{}.bytes()[:14], false},
	} {
		if got := Counted(c.b); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whatever comes, the view stays within the frame's claims and nothing falls over.
func FuzzView(f *testing.F) {
	f.Add(frame{payload: 3}.bytes())
	f.Add(frame{src: "fd00::1", dst: "fd00::2", extensions: []byte{0, 44, 60}, payload: 3}.bytes())
	f.Add(frame{vlan: 2, proto: protoUDP}.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		var v, again View
		v.Parse(b)
		Counted(b)
		if v.Payload < 0 || v.Payload > 1<<16 && v.Payload > len(b) {
			t.Errorf("payload of %d in %d bytes", v.Payload, len(b))
		}
		// What follows the headers does not matter, but where the IP header gives no length.
		if v.Ports && v.Payload <= 1<<16 {
			if again.Parse(append(b[:len(b):len(b)], 0)); again.Header != v.Header || again.Flags != v.Flags {
				t.Errorf("%+v becomes %+v with a byte more", v, again)
			}
		}
	})
}
