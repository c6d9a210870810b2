package coordinator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
)

// remembering is an enumerator that is in its backlog until it is told otherwise.
type remembering struct {
	splits
	inBacklog *bool
}

func (r *remembering) IsInBacklog() bool { return *r.inBacklog }

// backlogCore is a job of three sources, the first of two tasks, the last with an enumerator that knows its backlog. It takes a checkpoint each 10 s,
// in a backlog each minute.
func backlogCore(t *testing.T, inBacklog *bool) *Core {
	t.Helper()
	c := newScriptCore(t, "stage 0 tasks=2 source\nstage 1 tasks=1 source\nstage 2 tasks=1 source\nstage 3 tasks=1\n"+
		"edge 0 3 hash pipelined\nedge 1 3 hash pipelined\nedge 2 3 hash pipelined", true)
	f := c.flow
	f.settings.Checkpoints = checkpoint.Settings{Interval: 10 * time.Second, InBacklog: time.Minute}
	f.protocol = checkpoint.NewCore(f.settings.Checkpoints)
	f.settings.NewEnumerator = func(stage int) (connectors.Enumerator, error) {
		if stage == 2 {
			return &remembering{inBacklog: inBacklog}, nil
		}
		return &splits{}, nil
	}
	for _, s := range c.stages[:3] {
		s.stage.Chain[0].Spec = physical.Source{}
		var err error
		if s.enum, err = f.settings.NewEnumerator(s.stage.ID); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// A job is in a backlog as long as one of its sources is: by what the readers of attempts that run say, or an enumerator.
func TestBacklog(t *testing.T) {
	inBacklog, number := false, 0
	c := backlogCore(t, &inBacklog)
	says := func(stage, task int, is bool) Event {
		return Backlogged{control.Attempt{Stage: stage, Task: task, Number: number}, is}
	}
	check := func(what string, seconds int, e Event, want string) {
		t.Helper()
		actions, err := c.Step(time.Unix(int64(seconds), 0), e)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, a := range actions {
			switch a := a.(type) {
			case InBacklog:
				out = append(out, fmt.Sprint("in backlog ", a.Stages))
			case Trigger:
				out = append(out, fmt.Sprint("checkpoint ", a.Checkpoint.ID))
			case Wake:
				if _, ok := a.Event.(Protocol); ok {
					out = append(out, fmt.Sprint("due at ", a.At.Unix()))
				}
			}
		}
		if got := strings.Join(out, ", "); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	check("start", 0, Started{}, "")
	check("loaded", 0, Loaded{}, "due at 10")
	check("a reader is in its backlog", 1, says(0, 0, true), "in backlog [0], due at 60")
	check("a second one of the source", 2, says(0, 1, true), "")
	check("one of another source", 3, says(1, 0, true), "in backlog [0 1]")
	check("the first is not any more", 4, says(0, 0, false), "")
	check("nor the second", 5, says(0, 1, false), "in backlog [1]")
	check("an attempt that does not run", 6, Backlogged{control.Attempt{Stage: 0, Number: 7}, true}, "")
	inBacklog = true
	check("an enumerator is in its own", 7, SplitsWanted{control.Attempt{Stage: 2}}, "in backlog [1 2]")
	check("no reader is any more", 8, says(1, 0, false), "in backlog [2]")
	inBacklog = false
	check("nor is the enumerator", 40, SplitsWanted{control.Attempt{Stage: 2}}, "in backlog [], checkpoint 1, due at 640")

	check("again", 50, says(0, 1, true), "in backlog [0]")
	check("it fails", 51, Failed{control.Attempt{Stage: 0, Task: 1}, errLost}, "in backlog []")
	for _, a := range []control.Attempt{{Stage: 0}, {Stage: 1}, {Stage: 2}, {Stage: 3}} {
		check("and others are stopped", 51, Failed{a, errLost}, "")
	}
	inBacklog = true
	check("resumed", 52, Resume{}, "in backlog [2]")
	check("loaded", 52, Loaded{}, "due at 112")
	check("what an earlier attempt says", 53, says(0, 1, true), "")
	number = 1
	check("what the new one says", 54, says(0, 1, true), "in backlog [0 2]")
	if got := c.flow.backlog.stages; !slices.Equal(got, []int{0, 2}) {
		t.Errorf("it knows of %v", got)
	}
}
