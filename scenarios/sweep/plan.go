package sweep

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/wireproof/wireproof/scenarios"
)

// A Setting is one variable at one value.
type Setting struct{ Name, Value string }

// A Point is one combination of values, in the order of Variables; where the part has several
// variants, which one it is comes last.
type Point []Setting

// Value returns the value of a variable, "" where the point leaves it to the part.
func (p Point) Value(name string) string {
	for _, s := range p {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

// String names the point: "bw=10 dialect=stream variant=default".
func (p Point) String() string {
	words := make([]string, len(p))
	for i, s := range p {
		words[i] = s.Name + "=" + s.Value
	}
	return strings.Join(words, " ")
}

// variantName is the setting that the part itself adds, where it has several variants.
const variantName = "variant"

// A Run is one run that the plan asks for.
type Run struct {
	Point    Point
	Repeat   int // from 1
	Seed     uint64
	Scenario scenarios.Scenario
}

// key tells a run from all others of the same sweep.
func key(point Point, repeat int, seed uint64) string {
	return fmt.Sprintf("%s repeat=%d seed=%d", point, repeat, seed)
}

// A Plan is all runs of a sweep, in the order in which they are made.
type Plan struct {
	Setup  Setup
	Points []Point // in the order of the values
	Runs   []Run
}

// NewPlan works out the runs. The error, marked scenarios.ErrUsage, tells everything that is wrong with the setup.
//
// Some points serve only the start of each file, since the whole takes minutes by nature (lockstep over a delay or a
// loss). Throughput and time then compare with those of no other point, so that the shortest excerpt is every point's,
// unless Setup.Excerpt or Params.Whole says otherwise. The plan's Setup has what it came to.
func NewPlan(s Setup) (Plan, error) {
	s, err := s.withDefaults()
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Setup: s}
	var rows []scenarios.Scenario // of the points, by index
	for _, point := range combinations(s.Values) {
		params := s.Params
		params.Links = nil
		for _, setting := range point {
			v, _ := variable(setting.Name)
			parsed, err := v.read(setting.Value)
			if err != nil {
				return plan, err
			}
			parsed.set(&params)
		}
		params.Links = append(params.Links, s.Params.Links...)
		params.Seed = s.Seed
		variants, err := scenarios.Select([]string{s.Part}, params)
		if err != nil {
			return plan, err
		}
		for _, row := range variants {
			plan.Points = append(plan.Points, append(slices.Clip(point), Setting{variantName, row.Variant}))
			rows = append(rows, row)
		}
	}
	plan.dropVariant()
	if plan.Setup.Excerpt == 0 {
		plan.Setup.Excerpt = shortest(rows)
	}
	for i := range rows {
		rows[i].Excerpt = plan.Setup.Excerpt
	}
	for repeat := 1; repeat <= s.Repeat; repeat++ {
		seed := s.Seed + uint64(repeat-1)
		for _, i := range shuffled(len(rows), seed) {
			row := rows[i]
			row.Topo = row.Topo.Clone()
			row.Topo.Seed = seed
			plan.Runs = append(plan.Runs, Run{Point: plan.Points[i], Repeat: repeat, Seed: seed, Scenario: row})
		}
	}
	return plan, nil
}

// dropVariant takes the variant out of the points where all have the same.
func (p *Plan) dropVariant() {
	if slices.Contains(p.Varying(), variantName) {
		return
	}
	for i, point := range p.Points {
		p.Points[i] = point[:len(point)-1]
	}
}

// shortest is the least excerpt of all, 0 where none takes one.
func shortest(rows []scenarios.Scenario) int64 {
	var least int64
	for _, row := range rows {
		if row.Excerpt > 0 && (least == 0 || row.Excerpt < least) {
			least = row.Excerpt
		}
	}
	return least
}

// combinations returns every combination of the values.
func combinations(values map[string][]string) []Point {
	points := []Point{nil}
	for _, v := range Variables() {
		if len(values[v.Name]) == 0 {
			continue
		}
		var longer []Point
		for _, point := range points {
			for _, text := range values[v.Name] {
				longer = append(longer, append(slices.Clip(point), Setting{v.Name, text}))
			}
		}
		points = longer
	}
	return points
}

// shuffled is an order of n points that depends on the round's seed alone.
func shuffled(n int, seed uint64) []int {
	return rand.New(rand.NewPCG(seed, uint64(n))).Perm(n)
}

// Scenarios returns one scenario for each point.
func (p Plan) Scenarios() []scenarios.Scenario {
	var all []scenarios.Scenario
	for _, run := range p.Runs[:len(p.Points)] { // the first round
		all = append(all, run.Scenario)
	}
	return all
}

// Varying returns the names of the settings that are not the same at all points, those with a scale first.
func (p Plan) Varying() []string {
	var names []string
	for _, name := range append(variableNames(), variantName) {
		for _, point := range p.Points {
			if point.Value(name) != p.Points[0].Value(name) {
				names = append(names, name)
				break
			}
		}
	}
	return names
}
