package coordinator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/watermark"
)

// alignCore is a job of two sources, of two tasks and of one, that belong to the group "g", and a third that does not.
func alignCore(t *testing.T) *Core {
	t.Helper()
	c := newScriptCore(t, "stage 0 tasks=2 source\nstage 1 tasks=1 source\nstage 2 tasks=1 source\nstage 3 tasks=1\n"+
		"edge 0 3 hash pipelined\nedge 1 3 hash pipelined\nedge 2 3 hash pipelined", true)
	for i, s := range c.plan.Stages[:3] {
		strategy := watermark.Monotonous()
		if i < 2 {
			strategy = strategy.Align("g", time.Second)
		}
		node := &plan.Node{}
		s.Chain = []physical.Op{{Node: node, Spec: physical.Source{}}, {Node: node, Spec: physical.Placed{Op: plan.EventTime{Strategy: strategy}}}}
	}
	return c
}

// paceStep takes an event, some milliseconds after the start, and returns what it has to do with alignment.
func paceStep(t *testing.T, c *Core, at int, e Event) string {
	t.Helper()
	actions, err := c.Step(time.UnixMilli(int64(at)), e)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range actions {
		switch a := a.(type) {
		case Align:
			out = append(out, fmt.Sprintf("%s at %d to %d", a.Group, a.Least, len(a.Attempts)))
		case Wake:
			if _, ok := a.Event.(AlignDue); ok {
				out = append(out, fmt.Sprintf("due at %d", a.At.UnixMilli()))
			}
		}
	}
	return strings.Join(out, ", ")
}

func TestAlign(t *testing.T) {
	c := alignCore(t)
	number := 0
	attempt := func(stage, task int) control.Attempt {
		return control.Attempt{Stage: stage, Task: task, Number: number}
	}
	at := func(stage, task int, least stream.Watermark) Paced {
		return Paced{attempt(stage, task), control.Pace{Group: "g", Least: least}}
	}
	change := func(p Paced, f func(*control.Pace)) Paced {
		f(&p.Pace)
		return p
	}
	idle := func(p *control.Pace) { p.IsIdle, p.Least = true, stream.EndOfTime }
	open := func(p *control.Pace) { p.IsOpen = true }
	held := func(p *control.Pace) { p.IsHeld = true }
	check := func(what string, ms int, e Event, want string) {
		t.Helper()
		if got := paceStep(t, c, ms, e); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	check("start", 0, Started{}, "")
	check("loaded", 0, Loaded{}, "")
	check("others are not known yet", 1000, at(0, 0, 50), "")
	check("one that has no rows yet", 1100, change(at(1, 0, stream.EndOfTime), open), "")
	check("one that is behind is known", 1200, at(1, 0, 10), "")
	check("all are known", 1300, at(0, 1, 30), "g at 10 to 3")
	check("told a moment ago", 1310, at(1, 0, 20), "due at 1400")
	check("and once only", 1320, at(0, 0, 60), "")
	check("now", 1400, AlignDue{}, "g at 20 to 3")
	check("no news", 1500, at(0, 0, 70), "")
	check("who is held is answered at once", 1510, change(at(1, 0, 40), held), "g at 30 to 3")
	check("idle ones do not count", 1610, change(at(0, 1, 0), idle), "g at 40 to 3")
	check("a new split may have rows of any time", 1750, change(at(1, 0, 90), open), "")
	check("and has", 1850, at(1, 0, 5), "g at 5 to 3")
	check("the slowest has ended", 1950, change(at(1, 0, 0), idle), "g at 70 to 3")
	check("all are idle", 2050, change(at(0, 0, 0), idle), "")
	check("not of a group", 2150, Paced{attempt(2, 0), control.Pace{Group: "h"}}, "")
	check("not of an attempt that runs", 2150, Paced{control.Attempt{Stage: 0, Number: 7}, control.Pace{Group: "g", Least: 1}}, "")

	check("one fails", 3000, Failed{attempt(0, 0), errLost}, "")
	for _, a := range []control.Attempt{attempt(0, 1), attempt(1, 0), attempt(2, 0), attempt(3, 0)} {
		check("and is stopped", 3000, Failed{a, errLost}, "")
	}
	check("again", 3100, Resume{}, "")
	check("loaded", 3100, Loaded{}, "")
	number = 1
	check("what was known is forgotten", 3200, at(0, 0, 50), "")
	check("until all are known", 3300, change(at(0, 1, 0), idle), "")
	check("again", 3400, at(1, 0, 80), "g at 50 to 3")
}

var errLost = fmt.Errorf("lost")
