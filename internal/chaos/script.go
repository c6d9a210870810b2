package chaos

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
)

// script is what one run is to meet.
type script struct {
	tasks    int
	interval time.Duration // of checkpoints
	state    runner.StateBackend
	patience time.Duration // with which barriers are waited for, as an AlignmentTimeout
	store    []call        // of the store of checkpoints
	files    []call        // of the job's files
	end      fault.Kind    // Rescale, Abort, Damage, of a process Kill; "": it is left to run

	kills []int64 // turns, of all tasks together, at which the attempt whose turn it is dies
	endAt int64   // the turn of end

	moment moment // of a process's end
}

// call is what the nth call to a file system meets: it takes long, or fails if it does not.
type call struct {
	Nth   int
	Late  bool // it fails after it has taken effect
	Delay time.Duration
}

// moment is when a process ends.
type moment struct {
	step  step          // in it; the zero one: by time
	runs  bool          // after is counted from the first checkpoint that is complete, not from the start
	after time.Duration // when
}

// step is the nth turn of tasks, or the nth step of calls to file systems.
type step struct {
	Turn, Call int64
}

// disturbed is how many runs of a seed may meet faults; the one after them meets none and comes to the end.
const disturbed = 5

// most is the number of the last call that may meet a fault.
const most = 200

// draw draws what the n-th run of any form meets.
func (o Options) draw(r *rand.Rand, n int) script {
	s := script{tasks: 1 + r.IntN(o.Parallelism), state: o.State}
	if s.state == "" {
		s.state = []runner.StateBackend{runner.StateHeap, runner.StateHeap, runner.StateHeap, runner.StateLSM}[r.IntN(4)]
	}
	s.patience = []time.Duration{0, -1, time.Millisecond}[r.IntN(3)]
	if n >= disturbed {
		return s
	}
	if o.has(Store) && r.IntN(2) == 0 {
		for range 1 + r.IntN(6) {
			s.store = append(s.store, call{Nth: 1 + r.IntN(most), Late: r.IntN(3) == 0})
		}
	}
	if o.has(Slow) && r.IntN(2) == 0 {
		for range 1 + r.IntN(4) {
			s.store = append(s.store, call{Nth: 1 + r.IntN(most), Delay: time.Duration(1 + r.IntN(20_000_000))})
			s.files = append(s.files, call{Nth: 1 + r.IntN(most), Delay: time.Duration(1 + r.IntN(20_000_000))})
		}
	}
	return s
}

func (o Options) has(f fault.Kind) bool { return slices.Contains(o.Faults, f) }

// one draws one of the faults, which is one of those kinds; "": there is none.
func (o Options) one(r *rand.Rand, of ...fault.Kind) fault.Kind {
	fit := slices.DeleteFunc(slices.Clone(o.Faults), func(f fault.Kind) bool { return !slices.Contains(of, f) })
	if len(fit) == 0 {
		return ""
	}
	return fit[r.IntN(len(fit))]
}

// draw draws the script of the n-th run of a chain.
func (t *Tester) draw(r *rand.Rand, n int) script {
	s := t.options.draw(r, n)
	s.interval = time.Duration(1+r.IntN(12)) * time.Millisecond
	if n >= disturbed {
		return s
	}
	if t.options.has(Kill) {
		for range r.IntN(4) {
			s.kills = append(s.kills, 1+r.Int64N(max(t.turns, 1)))
		}
		slices.Sort(s.kills)
	}
	if r.IntN(4) > 0 {
		s.end, s.endAt = t.options.one(r, Rescale, Abort, Damage), 1+r.Int64N(max(t.turns, 1))
	}
	return s
}

// faultsOf returns calls as errfs knows them.
func faultsOf(calls []call) []errfs.Fault {
	out := make([]errfs.Fault, len(calls))
	for i, c := range calls {
		out[i] = errfs.Fault{Nth: c.Nth, Delay: c.Delay, Late: c.Late}
		if c.Delay == 0 {
			out[i].Err = vfs.Unavailable(errfs.ErrInjected)
		}
	}
	return out
}

// callsTo returns how many calls of all kinds a file system has had.
func callsTo(fsys *errfs.FS) (n int) {
	for _, op := range []errfs.Op{
		errfs.Open, errfs.Create, errfs.Stat, errfs.List, errfs.Mkdir, errfs.Rename, errfs.Remove, errfs.RemoveAll, errfs.Read, errfs.Write, errfs.Close,
	} {
		n += fsys.Count(op)
	}
	return n
}

// count counts those calls that have come, of so many there were.
func count(counts fault.Counts, calls []call, came int) {
	for _, c := range calls {
		switch {
		case c.Nth > came:
		case c.Delay == 0:
			counts[FailedCalls]++
		default:
			counts[SlowCalls]++
		}
	}
}
