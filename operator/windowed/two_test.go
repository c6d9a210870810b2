package windowed

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace/stream/window"
)

// TestTwoInputs has the rows of two inputs share windows: counts and values of the one, greatest and sum of the other.
func TestTwoInputs(t *testing.T) {
	for name, w := range map[string]window.Spec{
		"slices": window.New(window.Sliding(10*time.Microsecond, 5*time.Microsecond)),
		"by key": window.New(window.Sliding(10*time.Microsecond, 5*time.Microsecond), window.Firing(window.EventTime())),
	} {
		t.Run(name, func(t *testing.T) {
			all := testSpec(t, w)
			left, right := all.Inputs[0], all.Inputs[0]
			left.Calls, right.Calls = all.Inputs[0].Calls[:2], all.Inputs[0].Calls[2:]
			all.Inputs = []Input{left, right}
			j := (&job{t: t, spec: all, random: rand.New(rand.NewPCG(1, 2)), clock: &clock{}}).onHeap()
			j.sorted = true
			j.start(2)
			j.process(0, []event{{1, 3, 1}, {2, 3, 2}})
			j.process(1, []event{{1, 7, 30}, {1, 4, 40}, {3, 12, 50}})
			j.restart(3)
			j.advance(9, false)
			j.stop()
			compareSets(t, []string{
				"1 [-5,5) #0 on time first last: 1 1 40 [40]",
				"1 [0,10) #0 on time first last: 1 1 40 [30 40]",
				"1 [5,15) #0 on time first last: 0 0 30 [30]",
				"2 [-5,5) #0 on time first last: 1 2 0 []",
				"2 [0,10) #0 on time first last: 1 2 0 []",
				"3 [5,15) #0 on time first last: 0 0 50 [50]",
				"3 [10,20) #0 on time first last: 0 0 50 [50]",
			}, j.got)
		})
	}
}
