package impair

// Predict returns the indices, in order, of those of the first n packets that c
// loses by chance, in bursts, or by their number. What filters that go by kind lose is
// not in it: which packet is the SYN, the seed does not know.
// With PerFlow it is the prediction for the flow with this FlowID; else flow is 0.
// c must be valid.
func Predict(c Config, flow, n uint64) []uint64 {
	threshold := Threshold(c.LossPercent)
	key := func(kind Kind) uint64 { return Key(c.Seed, c.Link, c.Direction, kind) }
	loss, bursts := key(KindLoss)^flow, newGilbert(c.Gilbert, key(KindState), key(KindBurst))
	var lost []uint64
	var at chain
	for i := range n {
		hit := Hit(loss, i, threshold)
		for _, f := range c.Drop {
			hit = hit || inRanges(f.Packets, i+1)
		}
		if bursts.on() && bursts.strike(&at, i, flow) || hit {
			lost = append(lost, i)
		}
	}
	return lost
}
