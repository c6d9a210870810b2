package coordinator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
)

// drawPlan draws stages with inputs from earlier ones, some of them pipelined where the regions can then still be run in an order.
func drawPlan(rt *rapid.T) *physical.Plan {
	p := &physical.Plan{Job: plan.NewJob("test")}
	for id := range rapid.IntRange(2, 6).Draw(rt, "stages") {
		s := &physical.Stage{ID: id, Tasks: rapid.IntRange(1, 3).Draw(rt, "tasks"), Chain: []physical.Op{{Node: &plan.Node{}, Spec: physical.Limit{}}}}
		p.Stages = append(p.Stages, s)
		for from := range id {
			if rapid.IntRange(0, 2).Draw(rt, "edge") == 0 {
				e := &physical.Edge{ID: len(p.Edges), From: p.Stages[from], To: s, Kind: physical.Hash, Blocking: rapid.IntRange(0, 3).Draw(rt, "blocking") > 0}
				e.From.Outputs, s.Inputs, p.Edges = append(e.From.Outputs, e), append(s.Inputs, e), append(p.Edges, e)
			}
		}
	}
	order := map[*physical.Stage]int{}
	for i, region := range p.Regions() {
		for _, s := range region {
			order[s] = i
		}
	}
	if slices.ContainsFunc(p.Edges, func(e *physical.Edge) bool { return e.Blocking && order[e.From] >= order[e.To] }) {
		for _, e := range p.Edges {
			e.Blocking = true
		}
	}
	return p
}

// workers are the other side of a Core: they run what is launched, keep what is written, and remember which attempts' rows each attempt read.
type workers struct {
	rt      *rapid.T
	plan    *physical.Plan
	running map[control.Attempt]map[control.Attempt]bool // the attempts whose rows it reads
	stopped map[control.Attempt]bool
	left    map[int]map[int]int // by blocking edge, by task: the number of the attempt whose rows lie there
	done    map[control.Attempt]map[control.Attempt]bool
	finish  *Finish
}

func (w *workers) do(actions []Action, err error) {
	if err != nil {
		w.rt.Fatal(err)
	}
	for _, a := range actions {
		switch a := a.(type) {
		case Launch:
			w.launch(a.Assignment.Attempt)
		case Stop:
			w.stopped[a.Attempt] = true
		case Drop:
			if w.plan.Edges[a.Edge].Blocking {
				delete(w.left, a.Edge)
			}
		case Finish:
			w.finish = &a
		}
	}
}

// launch checks that all that the attempt reads is there, and that nobody reads what it will write.
func (w *workers) launch(a control.Attempt) {
	s := w.plan.Stages[a.Stage]
	reads := map[control.Attempt]bool{}
	for _, e := range s.Inputs {
		for t := range e.From.Tasks {
			if n, ok := w.left[e.ID][t]; ok {
				reads[control.Attempt{Stage: e.From.ID, Task: t, Number: n}] = true
			} else if e.Blocking {
				w.rt.Fatalf("%s was launched without the output of stage %d task %d", a, e.From.ID, t)
			}
		}
	}
	for other := range w.running {
		if slices.ContainsFunc(s.Outputs, func(e *physical.Edge) bool { return e.Blocking && e.To.ID == other.Stage }) {
			w.rt.Fatalf("%s was launched while %s reads what it replaces", a, other)
		}
	}
	w.running[a] = reads
}

func (w *workers) succeed(a control.Attempt) Event {
	for _, e := range w.plan.Stages[a.Stage].Outputs {
		if w.left[e.ID] == nil {
			w.left[e.ID] = map[int]int{}
		}
		if e.Blocking {
			w.left[e.ID][a.Task] = a.Number
		}
	}
	w.done[a] = w.running[a]
	return Succeeded{Attempt: a}
}

// next draws what becomes of a running attempt.
func (w *workers) next(mayFail bool) Event {
	running := slices.SortedFunc(maps.Keys(w.running), func(a, b control.Attempt) int {
		return slices.Compare([]int{a.Stage, a.Task, a.Number}, []int{b.Stage, b.Task, b.Number})
	})
	a := rapid.SampledFrom(running).Draw(w.rt, "attempt")
	defer delete(w.running, a)
	switch what := rapid.IntRange(0, 9).Draw(w.rt, "what"); {
	case w.stopped[a] && what < 8:
		return Failed{Attempt: a, Err: errors.New("stopped")}
	case w.stopped[a] || !mayFail || what < 6:
		return w.succeed(a)
	case what < 8:
		for _, e := range w.plan.Stages[a.Stage].Inputs {
			if e.Blocking {
				return Failed{Attempt: a, Err: &control.LostError{Edge: e.ID, Task: rapid.IntRange(0, e.From.Tasks-1).Draw(w.rt, "lost"), Err: errors.New("lost")}}
			}
		}
		fallthrough
	default:
		return Failed{Attempt: a, Err: errors.New("it broke")}
	}
}

// TestCoreRecovers draws plans, failures and losses: each attempt finds what it reads, the job completes, and every row of the result comes,
// through all stages, of the attempts that counted in the end.
func TestCoreRecovers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan(rt)
		w := &workers{
			rt: rt, plan: p, running: map[control.Attempt]map[control.Attempt]bool{}, stopped: map[control.Attempt]bool{},
			left: map[int]map[int]int{}, done: map[control.Attempt]map[control.Attempt]bool{},
		}
		c := NewCore(p, nil, Settings{Attempts: 100, IsFinal: func(error) bool { return false }})
		w.do(c.Step(time.Time{}, Started{}))
		failures := rapid.IntRange(0, 12).Draw(rt, "failures")
		for w.finish == nil {
			if len(w.running) == 0 {
				rt.Fatal("nothing runs, and the job has not ended")
			}
			e := w.next(failures > 0)
			if _, failed := e.(Failed); failed {
				failures--
			}
			w.do(c.Step(time.Time{}, e))
		}
		if w.finish.Err != nil {
			rt.Fatal(w.finish.Err)
		}
		w.check(c)
	})
}

// check looks whether what the last attempts read is what the last attempts wrote.
func (w *workers) check(c *Core) {
	last := map[string]control.Attempt{}
	key := func(a control.Attempt) string { return fmt.Sprint(a.Stage, " ", a.Task) }
	for _, s := range c.stages {
		for t := range s.tasks {
			a := name(s, t)
			if _, ok := w.done[a]; !ok {
				w.rt.Fatalf("%s has not succeeded", a)
			}
			last[key(a)] = a
		}
	}
	for _, a := range last {
		for read := range w.done[a] {
			if last[key(read)] != read {
				w.rt.Fatalf("%s has read what %s wrote, but what counts is %s", a, read, last[key(read)])
			}
		}
	}
}
