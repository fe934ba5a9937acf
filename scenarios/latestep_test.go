package scenarios

import (
	"testing"
	"time"

	"github.com/wireproof/wireproof/harness"
)

// A change of a schedule that came too late is the engine's fault.
func TestLateStep(t *testing.T) {
	for late, fault := range map[time.Duration]bool{0: false, lateStep: false, 350 * time.Millisecond: true} {
		d := direction{sender: harness.EndStats{Engine: "htb", StepLate: late}}
		if c := d.counters(); (c.Faults != "") != fault {
			t.Errorf("late by %v: %q", late, c.Faults)
		}
		if c := counters(d.sender); c.StepLateNS != late.Nanoseconds() {
			t.Errorf("late by %v: the report has %d", late, c.StepLateNS)
		}
	}
}
