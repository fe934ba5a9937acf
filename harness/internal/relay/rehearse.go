package relay

// A thread that has slept for milliseconds comes back to caches that others have used meanwhile, and the first frame it
// delivers pays for that: the way from the line to the device took 35 to 67 us after 100 ms on a virtual machine, in place
// of less than one. So it wakes that much earlier and goes the way once before, with nothing in its hands:
//
//	asleep ──▶ awake early ──▶ rehearsal ──▶ spins ──▶ due: the same code, the same system call, the frame
//
// What it writes is a single byte, less than a virtio header. A TAP device and a packet socket refuse that when they look for the
// header, before there is a packet, and count nothing (drivers/net/tun.c, tun_get_user; net/packet/af_packet.c,
// packet_snd_vnet_parse). What comes after that in the kernel stays cold: 6 to 12 us.
const (
	coldAfter = 2_000_000 // ns of sleep after which a thread rehearses
	rehearsal = 100_000   // ns that it wakes earlier for it
)

// rehearsed is how much of a frame is read ahead, in bytes.
const rehearsed = 4 << 10

// rehearse goes the way of what is due by then.
func (s *shard) rehearse(due int64) {
	for _, l := range s.links {
		for i := range l.dirs {
			if d := &l.dirs[i]; d.line.Next() <= due && d.to.device {
				d.rehearse()
			}
		}
	}
}

func (d *direction) rehearse() {
	b := d.sh.pool.get(1)
	b.n, b.isSuper = 1, false
	dry := &d.sh.dry // its figures are nobody's
	dry.sh, dry.to = d.sh, d.to
	dry.line.Push(0, flight{buf: b}) // no packets: none is counted, and none dropped
	dry.release(0)
	dry.to = nil
	d.sh.timer.rehearsals++

	frame := d.line.First().buf
	for i := 0; i < min(frame.n, rehearsed); i += 64 { // a cache line
		d.sh.touched ^= frame.data[i]
	}
}
