package sweep

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wireproof/wireproof/harness/topo"
	"github.com/wireproof/wireproof/peers"
	"github.com/wireproof/wireproof/protocol"
	"github.com/wireproof/wireproof/scenarios"
)

// A Variable is something about a part that a sweep can vary.
type Variable struct {
	Name    string // of the command's flag
	Help    string // for the flag, in a few words
	Label   string // of an axis, with the unit; "" where values are names, not numbers
	Example string
	// read parses one value.
	read func(text string) (value, error)
}

// value is one value of a variable.
type value struct {
	text   string  // canonical: two texts are the same where the values are
	number float64 // in the unit of the variable's label
	set    func(*scenarios.Params)
}

// Numeric says whether the values lie on a scale.
func (v Variable) Numeric() bool { return v.Label != "" }

// Number returns the place of a canonical value on the axis; 0 where it has none.
func (v Variable) Number(text string) float64 {
	parsed, err := v.read(text)
	if err != nil {
		return 0
	}
	return parsed.number
}

// Variables returns all variables: those with a scale first, in the order in which a point names them.
func Variables() []Variable {
	return []Variable{
		{"bw", "rates of every link, in Mbit/s", "rate of every link, Mbit/s", "1,10,100,1000", readRate},
		{"delay", "one-way delays of every link", "one-way delay of every link, ms", "0.1ms,1ms,10ms", readDelay},
		{"loss", "losses of every link, in percent", "loss of every link, %", "1,2,5", readLoss},
		{"hops", "numbers of switches in the chain of part j", "switches in the chain", "1,2,4,8", readHops},
		{"buffer", "bytes of one lockstep exchange, and of one read or write of a stream", "buffer, bytes", "512,1024,4096", readBuffer},
		{"dialect", "stream, lockstep, or both", "", "stream,lockstep", readDialect},
		{"server", "server models: sequential, thread or fork", "", "thread,fork", readModel},
		{"congestion", "congestion controls", "", "cubic,reno", readCongestion},
	}
}

// variable returns the variable of that name.
func variable(name string) (Variable, bool) {
	for _, v := range Variables() {
		if v.Name == name {
			return v, true
		}
	}
	return Variable{}, false
}

func readRate(text string) (value, error) {
	n, err := strconv.ParseFloat(text, 64)
	// The comparison is of the kind that NaN fails.
	if err != nil || !(n*float64(topo.Mbit) >= 1 && n <= scenarios.MaxMbit) {
		return value{}, fmt.Errorf("a rate is a number above 0 and up to %s, in Mbit/s", number(scenarios.MaxMbit))
	}
	return value{number(n), n, func(p *scenarios.Params) { p.Rate = topo.BitRate(n * float64(topo.Mbit)) }}, nil
}

// A delay or a loss of 0 is a value like others here, while in Params it stands for the part's own.
func readDelay(text string) (value, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > time.Hour {
		return value{}, fmt.Errorf("a delay is a time between 0s and 1h with its unit, such as 5ms")
	}
	return value{d.String(), float64(d) / float64(time.Millisecond), func(p *scenarios.Params) {
		if p.Delay = d; d == 0 {
			p.Links = append(p.Links, "all:delay=0s")
		}
	}}, nil
}

func readLoss(text string) (value, error) {
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !(n >= 0 && n <= 100) {
		return value{}, fmt.Errorf("a loss is a number from 0 to 100, in percent")
	}
	return value{number(n), n, func(p *scenarios.Params) {
		if p.LossPercent = n; n == 0 {
			p.Links = append(p.Links, "all:loss=0%")
		}
	}}, nil
}

func readHops(text string) (value, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return value{}, fmt.Errorf("a chain has at least 1 switch") // how many at most, scenarios knows
	}
	return value{strconv.Itoa(n), float64(n), func(p *scenarios.Params) { p.Hops = n }}, nil
}

func readBuffer(text string) (value, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > peers.MaxBuffer {
		return value{}, fmt.Errorf("a buffer has 1 to %d bytes", peers.MaxBuffer)
	}
	return value{strconv.Itoa(n), float64(n), func(p *scenarios.Params) { p.Buffer = n }}, nil
}

func readDialect(text string) (value, error) {
	d, err := protocol.ParseDialect(text)
	return value{text: string(d), set: func(p *scenarios.Params) { p.Dialects = []protocol.Dialect{d} }}, err
}

func readModel(text string) (value, error) {
	m, err := peers.ParseModel(text)
	return value{text: string(m), set: func(p *scenarios.Params) { p.Models = []peers.Model{m} }}, err
}

// readCongestion takes any name: only the kernel knows which there are.
func readCongestion(text string) (value, error) {
	if text == "" {
		return value{}, fmt.Errorf("name a congestion control, such as cubic")
	}
	return value{text: text, set: func(p *scenarios.Params) { p.Socket.Congestion = text }}, nil
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
