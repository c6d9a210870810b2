package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/fault"
)

// The faults. All is their list.
const (
	Kill   fault.Kind = "kill"   // attempts die at turns of their loops
	Crash  fault.Kind = "crash"  // the process dies: at a turn, in a call to the file system, with a message, or at a time
	Cancel fault.Kind = "cancel" // the run is cancelled, at such a moment
	Rival  fault.Kind = "rival"  // another process takes the job over while the first, which lives, does not know of it
	Stall  fault.Kind = "stall"  // tasks stand still for a while
	Store  fault.Kind = "store"  // calls to the file system fail, some after they have taken effect; for some time all do
	Slow   fault.Kind = "slow"   // calls to the file system take long
	Delay  fault.Kind = "delay"  // messages between coordinator and workers are on their way for some time
	Lose   fault.Kind = "lose"   // triggers, answers to them, and news of completed checkpoints are lost
	Cut    fault.Kind = "cut"    // links to hosts are cut: their attempts fail for the coordinator, and go on for a while
	Save   fault.Kind = "save"   // somebody asks for checkpoints and savepoints
	Resize fault.Kind = "resize" // the job is stopped with a savepoint, and goes on from it with another number of tasks
	Clock  fault.Kind = "clock"  // the clock by which tasks see processing time jumps, ahead and back
)

// All returns all faults.
func All() []fault.Kind {
	return []fault.Kind{Kill, Crash, Cancel, Rival, Stall, Store, Slow, Delay, Lose, Cut, Save, Resize, Clock}
}

// script is what one process is to meet. Its times count from the process's start.
type script struct {
	tasks    int
	interval time.Duration // of checkpoints
	timeout  time.Duration
	failures int           // of checkpoints, that the job survives
	align    time.Duration // how long tasks wait for barriers; 0: however long
	keep     int           // checkpoints

	kills   []int64 // turns, of all tasks together, at which the attempt whose turn it is dies
	stalls  map[int64]time.Duration
	end     end
	rival   time.Duration // when another process begins; 0: none does
	disk    diskScript
	link    linkScript
	outages []span
	wishes  []wish
	jumps   []jump
}

// end says when the process dies, or its run is cancelled. At most one of its moments is set.
type end struct {
	gently              bool
	turn, call, message int64
	at                  time.Duration
}

// span is a piece of time.
type span struct{ from, to time.Duration }

// wish is a checkpoint that somebody wants.
type wish struct {
	at   time.Duration
	kind wishKind
}

type wishKind uint8

const (
	wantCheckpoint wishKind = iota
	wantSavepoint
	wantStop
)

// jump is by how much a clock is ahead from a time on.
type jump struct{ at, by time.Duration }

// disturbed is how many processes of a seed may meet faults; the one after them meets none and comes to the end.
const disturbed = 6

// size is how long a run is, by which points in it are drawn.
type size struct {
	turns, calls, messages int64
	took                   time.Duration
}

// draw draws the script of a seed's n-th process.
func draw(r *rand.Rand, n int, faults []fault.Kind, of size) script {
	s := script{
		tasks: 1 + r.IntN(4), interval: pick(r, 200*time.Millisecond, time.Second, 5*time.Second, 20*time.Second),
		timeout: pick(r, 20*time.Second, 2*time.Minute, 10*time.Minute), failures: pick(r, -1, 2, 10, 1000),
		align: pick(r, 0, -1, 10*time.Millisecond, 2*time.Second), keep: 1 + r.IntN(3),
	}
	s.disk.seed, s.link.seed, s.link.hosts = r.Uint64(), r.Uint64(), 1+r.IntN(3)
	if n >= disturbed {
		return s
	}
	is := func(f fault.Kind) bool { return slices.Contains(faults, f) && r.IntN(2) == 0 }
	if is(Kill) {
		for range 1 + r.IntN(3) {
			s.kills = append(s.kills, 1+r.Int64N(of.turns))
		}
		slices.Sort(s.kills)
	}
	if is(Stall) {
		s.stalls = some(r, 1+r.IntN(4), of.turns, 3*time.Minute)
	}
	switch crashes, cancels := is(Crash), is(Cancel); {
	case crashes:
		s.end = drawEnd(r, of)
	case cancels:
		s.end = drawEnd(r, of)
		s.end.gently = true
	}
	if is(Store) {
		s.disk.rate = pick(r, 0, 0.001, 0.01, 0.1)
		for range r.IntN(3) {
			from := within(r, of.took)
			s.outages = append(s.outages, span{from, from + within(r, 15*time.Minute)})
		}
	}
	if is(Slow) {
		s.disk.most = pick(r, time.Millisecond, 50*time.Millisecond, time.Second)
		s.disk.slow = some(r, r.IntN(4), of.calls, 12*time.Minute)
	}
	if is(Delay) {
		s.link.most = pick(r, time.Millisecond, 100*time.Millisecond, 2*time.Second)
		s.link.slow = some(r, r.IntN(4), of.messages, 5*time.Minute)
	}
	if is(Lose) {
		s.link.rate = pick(r, 0.002, 0.02, 0.2)
	}
	if is(Cut) {
		for range 1 + r.IntN(2) {
			s.link.cuts = append(s.link.cuts, 1+r.Int64N(of.messages))
		}
	}
	if is(Save) {
		for range 1 + r.IntN(4) {
			s.wishes = append(s.wishes, wish{within(r, of.took), pick(r, wantCheckpoint, wantSavepoint)})
		}
	}
	if is(Resize) {
		s.wishes = append(s.wishes, wish{within(r, of.took), wantStop})
	}
	if is(Clock) {
		for range 1 + r.IntN(3) {
			s.jumps = append(s.jumps, jump{within(r, of.took), within(r, 4*time.Hour) - 2*time.Hour})
		}
	}
	if is(Rival) && r.IntN(2) == 0 {
		s.rival = within(r, of.took)
	}
	slices.SortFunc(s.wishes, func(a, b wish) int { return int(a.at - b.at) })
	return s
}

func drawEnd(r *rand.Rand, of size) end {
	switch r.IntN(5) {
	case 0:
		return end{turn: 1 + r.Int64N(of.turns)}
	case 1:
		return end{message: 1 + r.Int64N(of.messages)}
	case 2:
		return end{at: time.Duration(1 + r.Int64N(int64(2*of.took)))}
	default: // what is durable is what counts
		return end{call: 1 + r.Int64N(of.calls)}
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func within(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }

// some draws n numbers up to most, each with a time.
func some(r *rand.Rand, n int, most int64, longest time.Duration) map[int64]time.Duration {
	out := map[int64]time.Duration{}
	for range n {
		out[1+r.Int64N(most)] = within(r, longest)
	}
	return out
}
