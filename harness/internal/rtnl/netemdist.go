package rtnl

import "github.com/wireproof/wireproof/harness/topo"

// distTable returns d's table, or nil where the kernel needs none: it draws jitter from a table of up to 16384 16-bit
// numbers, each entry as likely as the next (net/sched/sch_netem.c, tabledist), and has none of its own but the uniform
// distribution. A table that an emulator was given once can only be replaced (netem_change keeps it): so a change to
// uniform is one to a table as well.
func distTable(d topo.Distribution, change bool) []int16 {
	if (d == topo.Uniform || d == "") && !change {
		return nil
	}
	return d.Table()[:]
}
