package chaos

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
)

// script is what one run of a chain is to meet.
type script struct {
	tasks    int
	interval time.Duration // of checkpoints
	state    runner.StateBackend
	patience time.Duration // with which barriers are waited for, as an AlignmentTimeout
	kills    []int64       // turns, of all tasks together, at which the attempt whose turn it is dies
	end      Fault         // Rescale, Abort, Damage, or "": it is left to run
	endAt    int64         // the turn of end
	store    []errfs.Fault
	files    []errfs.Fault
}

// disturbed is how many runs of a chain may meet faults; the one after them meets none and comes to the end.
const disturbed = 5

// draw draws the script of the n-th run of a chain.
func (t *Tester) draw(r *rand.Rand, n int) script {
	o := t.options
	s := script{tasks: 1 + r.IntN(o.Parallelism), state: o.State, interval: time.Duration(1+r.IntN(12)) * time.Millisecond}
	if s.state == "" {
		s.state = []runner.StateBackend{runner.StateHeap, runner.StateHeap, runner.StateHeap, runner.StateLSM}[r.IntN(4)]
	}
	s.patience = []time.Duration{0, -1, time.Millisecond}[r.IntN(3)]
	if n >= disturbed {
		return s
	}
	has := func(f Fault) bool { return slices.Contains(o.Faults, f) }
	if has(Kill) {
		for range r.IntN(4) {
			s.kills = append(s.kills, 1+r.Int64N(max(t.turns, 1)))
		}
		slices.Sort(s.kills)
	}
	var ends []Fault
	for _, f := range []Fault{Rescale, Abort, Damage} {
		if has(f) {
			ends = append(ends, f)
		}
	}
	if len(ends) > 0 && r.IntN(4) > 0 {
		s.end, s.endAt = ends[r.IntN(len(ends))], 1+r.Int64N(max(t.turns, 1))
	}
	if has(Store) && r.IntN(2) == 0 {
		for range 1 + r.IntN(6) {
			s.store = append(s.store, errfs.Fault{Nth: 1 + r.IntN(200), Err: vfs.Unavailable(errfs.ErrInjected), Late: r.IntN(3) == 0})
		}
	}
	if has(Slow) && r.IntN(2) == 0 {
		for range 1 + r.IntN(4) {
			s.store = append(s.store, errfs.Fault{Nth: 1 + r.IntN(200), Delay: time.Duration(r.IntN(20)) * time.Millisecond})
			s.files = append(s.files, errfs.Fault{Nth: 1 + r.IntN(200), Delay: time.Duration(r.IntN(20)) * time.Millisecond})
		}
	}
	return s
}
