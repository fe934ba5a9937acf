package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/harness/internal/impaired"
	"github.com/wireproof/wireproof/harness/internal/rtnl"
	"github.com/wireproof/wireproof/harness/topo"
)

// An Engine is what shapes and impairs what travels over a link. A link that asks for nothing is a plain veth pair, which
// reports say by EngineNone.
type Engine string

const (
	// EngineAuto, the zero Engine, is htb for a link that asks for rates alone, and user for one that asks for more.
	EngineAuto Engine = ""
	// EngineNone is a plain veth pair. It is only reported.
	EngineNone Engine = "none"
	// EngineHTB is the kernel's sch_htb at the sending end: rate.
	EngineHTB Engine = "htb"
	// EngineNetem is the kernel's sch_netem, under sch_htb where there is a rate, as Mininet lays it out. What it decides by
	// chance it decides about what the sender's TCP hands down, frames of up to 64 KB, and no seed of ours predicts it.
	EngineNetem Engine = "netem"
	// EngineBPF is a program in the kernel that loses packets by seed or by number, with sch_htb at the sending end where
	// there is a rate. It loses the same packets as EngineUser as long as offloads are off.
	EngineBPF Engine = "bpf"
	// EngineUser carries the frames in user space, between two TAP devices, or, where /dev/net/tun is closed, the far ends
	// of two veth pairs. It can do everything. While nothing is asked of a link that had nothing asked from the start, the
	// kernel carries its frames, where it has tcx (Linux 6.6).
	EngineUser Engine = "user"
)

// Engines are those that can be asked for, the zero apart.
func Engines() []Engine { return []Engine{EngineHTB, EngineNetem, EngineBPF, EngineUser} }

// ParseEngine returns the engine of this name; "" and "auto" are EngineAuto.
func ParseEngine(s string) (Engine, error) {
	if e := Engine(s); s == "" || slices.Contains(Engines(), e) {
		return e, nil
	}
	if s == "auto" {
		return EngineAuto, nil
	}
	return EngineAuto, fmt.Errorf("unknown engine %q: use auto, %s", s, names(Engines()))
}

func names(engines []Engine) string {
	all := make([]string, len(engines))
	for i, e := range engines {
		all[i] = string(e)
	}
	return strings.Join(all, ", ")
}

// An EngineError says what an engine cannot do for what one end of a link sends. It wraps ErrEngine, and ErrKernel where the
// kernel is at fault.
type EngineError struct {
	Link, Interface string   // "h1-s1", "h1-eth0"
	Engine          Engine   //
	Lacks           []string // what was asked for in vain: "delay=5ms"
	Can             []Engine // those that can do all that is asked of this end
	Err             error    // why the engine is not to be had at all; nil: it is
}

// Error names the link, the parameters and what would be accepted.
func (e *EngineError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("link %s: engine %s is not to be had: %v: use engine %s", e.Link, e.Engine, e.Err, names(e.Can))
	}
	return fmt.Sprintf("link %s: engine %s cannot do %s of %s: use engine %s, or leave it out",
		e.Link, e.Engine, strings.Join(e.Lacks, ", "), e.Interface, names(e.Can))
}

// Unwrap returns ErrEngine and the kernel's error.
func (e *EngineError) Unwrap() []error {
	if e.Err != nil {
		return []error{ErrEngine, e.Err}
	}
	return []error{ErrEngine}
}

// An ability is one thing that can be asked of an engine, and who else than user can do it.
type ability struct {
	asked func(p *topo.LinkParams) bool
	text  func(p *topo.LinkParams) string
	can   []Engine
}

// keyed is the text of a parameter, as topo.ParseLinkParams reads it.
func keyed(pick func(p, only *topo.LinkParams)) func(*topo.LinkParams) string {
	return func(p *topo.LinkParams) string {
		var only topo.LinkParams
		pick(p, &only)
		return only.Text()
	}
}

var abilities = []ability{
	{func(p *topo.LinkParams) bool { return p.Rate != 0 },
		keyed(func(p, o *topo.LinkParams) { o.Rate = p.Rate }), []Engine{EngineHTB, EngineNetem, EngineBPF}},
	{func(p *topo.LinkParams) bool { return p.Delay != 0 },
		keyed(func(p, o *topo.LinkParams) { o.Delay = p.Delay }), []Engine{EngineNetem}},
	{func(p *topo.LinkParams) bool { return p.Jitter != 0 },
		keyed(func(p, o *topo.LinkParams) { o.Jitter, o.Distribution = p.Jitter, p.Distribution }), []Engine{EngineNetem}},
	{func(p *topo.LinkParams) bool { return p.LossPercent != 0 },
		keyed(func(p, o *topo.LinkParams) { o.LossPercent = p.LossPercent }), []Engine{EngineNetem, EngineBPF}},
	{func(p *topo.LinkParams) bool { return p.Gilbert.PPercent != 0 },
		keyed(func(p, o *topo.LinkParams) { o.Gilbert = p.Gilbert }), []Engine{EngineNetem}},
	{func(p *topo.LinkParams) bool { return len(p.Drop) != 0 && !dropsByKind(p) },
		keyed(func(p, o *topo.LinkParams) { o.Drop = p.Drop }), []Engine{EngineBPF}},
	{dropsByKind,
		keyed(func(p, o *topo.LinkParams) { o.Drop = p.Drop }), nil},
	{func(p *topo.LinkParams) bool { return p.DuplicatePercent != 0 },
		keyed(func(p, o *topo.LinkParams) { o.DuplicatePercent = p.DuplicatePercent }), []Engine{EngineNetem}},
	{func(p *topo.LinkParams) bool { return p.ReorderPercent != 0 },
		keyed(func(p, o *topo.LinkParams) { o.ReorderPercent, o.ReorderGap = p.ReorderPercent, p.ReorderGap }), []Engine{EngineNetem}},
	{func(p *topo.LinkParams) bool { return p.CorruptPercent != 0 },
		keyed(func(p, o *topo.LinkParams) { o.CorruptPercent = p.CorruptPercent }), []Engine{EngineNetem}},
	{func(p *topo.LinkParams) bool { return p.MaxQueue != 0 },
		keyed(func(p, o *topo.LinkParams) { o.MaxQueue = p.MaxQueue }), []Engine{EngineNetem}},
	{func(p *topo.LinkParams) bool { return p.MaxQueueBytes != 0 },
		keyed(func(p, o *topo.LinkParams) { o.MaxQueueBytes = p.MaxQueueBytes }), nil},
	{func(p *topo.LinkParams) bool { return p.ECNThreshold != 0 },
		keyed(func(p, o *topo.LinkParams) { o.ECNThreshold = p.ECNThreshold }), nil},
	{func(p *topo.LinkParams) bool { return p.MTU != 0 },
		keyed(func(p, o *topo.LinkParams) { o.MTU = p.MTU }), nil},
	{func(p *topo.LinkParams) bool { return p.Trace != nil },
		func(*topo.LinkParams) string { return "trace" }, nil},
	{func(p *topo.LinkParams) bool { return p.PerFlow },
		func(*topo.LinkParams) string { return "perflow" }, nil},
}

// dropsByKind says that p loses packets by what they are, not by their numbers alone.
func dropsByKind(p *topo.LinkParams) bool {
	return slices.ContainsFunc(p.Drop, func(text string) bool {
		f, err := topo.ParseFilter(text)
		return err != nil || len(f.Packets) == 0
	})
}

// lacks lists what of p the engine cannot do, at any time of the schedule.
func (e Engine) lacks(p topo.LinkParams) []string {
	if e == EngineUser {
		return nil
	}
	var all []string
	add := func(text string) {
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	for _, step := range impaired.Steps(p) {
		for _, a := range abilities {
			if a.asked(&step.Params) && !slices.Contains(a.can, e) {
				add(a.text(&step.Params))
			}
		}
		if step.Down {
			add("a schedule with down")
		}
		if e == EngineNetem && len(all) == 0 {
			if _, err := rtnl.NetemFrom(step.Params); err != nil { // what it can do, but not at once
				add(err.Error())
			}
		}
	}
	return all
}

// able lists the engines that can do p, and that this machine has.
func able(ctx context.Context, p topo.LinkParams) []Engine {
	return slices.DeleteFunc(Engines(), func(e Engine) bool { return e.lacks(p) != nil || e.probe(ctx) != nil })
}

// CheckEngines says what Start would say of the engines that t would have with these options, before anything is made: the
// error joins an *EngineError for each end of a link that its engine cannot do, with those that can. Nil options are good.
func CheckEngines(ctx context.Context, t topo.Topo, o *Options) error {
	if o == nil {
		o = &Options{}
	}
	_, err := choose(ctx, t, o)
	return err
}

// choose says which engine carries each link of t: EngineHTB also for those that ask for nothing. The error joins all that
// is wrong, before anything is made.
func choose(ctx context.Context, t topo.Topo, o *Options) ([]Engine, error) {
	var errs []error
	linkNames, ends := t.LinkNames(), t.Interfaces()
	asked := make([]Engine, len(t.Links))
	for i := range asked {
		asked[i] = o.Engine
	}
	for _, name := range slices.Sorted(maps.Keys(o.Engines)) {
		at := findLink(t, name)
		if at < 0 {
			errs = append(errs, &UnknownError{Kind: "link", Name: name, Known: linkNames})
			continue
		}
		asked[at] = o.Engines[name]
	}
	missing := map[Engine]error{EngineAuto: nil, EngineHTB: nil, EngineUser: nil}
	chosen := make([]Engine, len(t.Links))
	for i, l := range t.Links {
		e := asked[i]
		if _, err := ParseEngine(string(e)); err != nil {
			errs = append(errs, fmt.Errorf("link %s: %w: %w", linkNames[i], err, ErrEngine))
			continue
		}
		if e == EngineAuto {
			e = EngineHTB
			if len(l.AB.Schedule)+len(l.BA.Schedule) > 0 || e.lacks(l.AB) != nil || e.lacks(l.BA) != nil {
				e = EngineUser
			}
		}
		chosen[i] = e
		if _, probed := missing[e]; !probed {
			missing[e] = e.probe(ctx)
		}
		if err := missing[e]; err != nil {
			errs = append(errs, &EngineError{Link: linkNames[i], Interface: ends[2*i].Name, Engine: e, Can: []Engine{EngineUser}, Err: err})
			continue
		}
		for side, p := range []topo.LinkParams{l.AB, l.BA} {
			if lacks := e.lacks(p); lacks != nil {
				errs = append(errs, &EngineError{Link: linkNames[i], Interface: ends[2*i+side].Name, Engine: e, Lacks: lacks, Can: able(ctx, p)})
			}
		}
	}
	return chosen, errors.Join(errs...)
}

// findLink is the number of the link with this name ("h1-s1", "s1-h1", "h1-s1#2"), or -1.
func findLink(t topo.Topo, name string) int {
	for i, n := range t.LinkNames() {
		l := t.Links[i]
		back := l.B + "-" + l.A + strings.TrimPrefix(n, l.A+"-"+l.B)
		if name == n || name == back {
			return i
		}
	}
	return -1
}

// probe says why the kernel or our rights do not suffice for the engine.
func (e Engine) probe(ctx context.Context) error {
	what := map[Engine]string{EngineNetem: "netem", EngineBPF: "bpf"}[e]
	if what == "" {
		return nil
	}
	if c := Probe(ctx, what)[0]; !c.OK {
		return fmt.Errorf("%s: %w: %s", c.Detail, ErrKernel, c.Remedy)
	}
	return nil
}
