package series

import "time"

// narrowest is the width that bins begin with.
const narrowest = time.Microsecond

// bin returns that of a time. Where it lies behind the last of n bins, neighbours are merged until it does not.
func (c *conn) bin(n int, t int64) *Bin {
	out := c.out
	since := time.Duration(max(t-c.first, 0))
	for since/out.Width >= time.Duration(n) {
		half := (len(out.Bins) + 1) / 2
		for i := range half {
			b := out.Bins[2*i]
			if 2*i+1 < len(out.Bins) {
				b.ToClient.add(out.Bins[2*i+1].ToClient)
				b.ToServer.add(out.Bins[2*i+1].ToServer)
			}
			out.Bins[i] = b
		}
		clear(out.Bins[half:])
		out.Bins = out.Bins[:half]
		out.Width *= 2
	}
	i := int(since / out.Width)
	for len(out.Bins) <= i {
		out.Bins = append(out.Bins, Bin{})
	}
	return &out.Bins[i]
}
