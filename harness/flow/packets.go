package flow

import (
	"context"
	"fmt"

	"github.com/wireproof/wireproof/harness/flow/internal/capfile"
	"github.com/wireproof/wireproof/harness/flow/internal/find"
	"github.com/wireproof/wireproof/harness/flow/internal/segment"
)

// A single capture is read, decompressed and decoded by a goroutine of its own, while the one that called Analyze
// follows connections and compares bytes: each is about half of the work.
//
//	read, decode ── batches ──▶ follow, compare
//	             ◀── buffers ──

// decodedPacket is a packet on its way to the tracker.
type decodedPacket struct {
	segment  segment.Segment
	mark     find.Mark
	iface    int
	captured int  // bytes
	plain    bool // find.Set.Plain is true of its data
	status   segment.Status
}

// batch is some packets, and what was needed to read them.
type batch struct {
	packets []decodedPacket
	ifaces  []capfile.Interface // met for the first time
	full    []byte              // a buffer that only this batch and those before it point into
}

const (
	batchLen   = 256 // packets
	maxBatches = 4   // under way
	maxBuffers = 3
)

// decoder decodes packets of a capture.
type decoder struct {
	reader *capfile.Merged
	packet capfile.Packet
	set    *find.Set
	links  []uint16 // of the interfaces met
}

// next reads the next packet. It returns false at the end.
func (d *decoder) next() bool { return d.reader.Next(&d.packet) == nil } // io.EOF

// decode decodes it into p, and adds interfaces that are new to list.
func (d *decoder) decode(p *decodedPacket, list *[]capfile.Interface) {
	in := &d.packet
	for in.Interface >= len(d.links) {
		it := d.reader.Describe(len(d.links))
		*list = append(*list, it)
		d.links = append(d.links, it.LinkType)
	}
	p.status = segment.Decode(d.links[in.Interface], in.Data, in.Length, &p.segment)
	p.mark = find.Mark{Packet: in.Number, Time: in.Time, Capture: in.Capture}
	p.plain = d.set != nil && p.status == segment.OK && d.set.Plain(p.segment.Payload)
	p.iface, p.captured = in.Interface, len(in.Data)
}

// packets takes all packets. The reader is closed when it is done, or, after an error, as soon as the read that is
// under way has ended.
func (t *tracker) packets(ctx context.Context, reader *capfile.Merged) error {
	single := reader.Single()
	if single == nil {
		return t.merged(ctx, reader)
	}
	batches, free, buffers := make(chan *batch, maxBatches), make(chan *batch, maxBatches), make(chan []byte, maxBuffers)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(batches)
		defer reader.Close()
		now := &batch{packets: make([]decodedPacket, 0, batchLen)}
		send := func() bool {
			select {
			case batches <- now:
			case <-ctx.Done():
				return false
			}
			select {
			case now = <-free:
				now.packets, now.ifaces, now.full = now.packets[:0], now.ifaces[:0], nil
			default:
				now = &batch{packets: make([]decodedPacket, 0, batchLen)}
			}
			return true
		}
		going, made := true, 1
		single.Swap(func(full []byte, n int) []byte {
			now.full = full
			going = going && send()
			// Few buffers, used again and again, stay in the processor's cache.
			b := []byte(nil)
			if made < maxBuffers {
				made++
			} else {
				select {
				case b = <-buffers:
				case <-ctx.Done():
				}
			}
			if len(b) < n {
				b = make([]byte, max(n, len(full)))
			}
			return b
		})
		d := decoder{reader: reader, set: t.set}
		for d.next() && going { // next may send what there is, before the packet that it reads
			now.packets = now.packets[:len(now.packets)+1]
			d.decode(&now.packets[len(now.packets)-1], &now.ifaces)
			if len(now.packets) == batchLen {
				going = going && send()
			}
		}
		if going {
			send()
		}
	}()
	for {
		select {
		case b, ok := <-batches:
			if !ok && ctx.Err() != nil {
				return fmt.Errorf("analyse capture: %w", context.Cause(ctx))
			}
			if !ok {
				return nil
			}
			if err := t.batch(b); err != nil {
				return err
			}
			if b.full != nil {
				select {
				case buffers <- b.full:
				default:
				}
			}
			select {
			case free <- b:
			default:
			}
		case <-ctx.Done():
			return fmt.Errorf("analyse capture: %w", context.Cause(ctx))
		}
	}
}

func (t *tracker) batch(b *batch) error {
	for _, it := range b.ifaces {
		t.a.Interfaces = append(t.a.Interfaces, t.describe(it))
	}
	for i := range b.packets {
		if err := t.packet(&b.packets[i]); err != nil {
			return err
		}
	}
	return nil
}

// merged takes the packets of several captures, one by one.
func (t *tracker) merged(ctx context.Context, reader *capfile.Merged) error {
	defer reader.Close()
	d := decoder{reader: reader, set: t.set}
	b := batch{packets: make([]decodedPacket, 1)}
	for n := 0; d.next(); n++ {
		d.decode(&b.packets[0], &b.ifaces)
		if n&1023 == 0 && ctx.Err() != nil {
			return fmt.Errorf("analyse capture: %w", context.Cause(ctx))
		}
		if err := t.batch(&b); err != nil {
			return err
		}
		b.ifaces = b.ifaces[:0]
	}
	return nil
}
