package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/stream"
)

// TestCore runs the scripts in testdata. Commands:
//
//	plan                 lines "stage ID tasks=N [source] [fixed]" and "edge FROM TO KIND [pipelined]"; then the job starts
//	done S T N [bytes=B] [keys=a,b]   an attempt (stage, task, number) succeeded
//	fail S T N [final]   an attempt failed
//	lost S T N E P       an attempt could not read what task P left on edge E
//	want S T N           an attempt wants splits
//	cancel
//
// Jobs that take checkpoints ("plan streaming", with stages that may be "collect") know also
//
//	loaded               there is nothing to begin from
//	request KIND         somebody wants a checkpoint of a kind
//	ended S T N          an attempt has nothing left to do
//	ack S T N ID [final] an attempt has cut its streams
//	stored ID [fail]     a manifest is in place, or could not be written
//	committed ID         output is visible
//	resume               the delay before a restart is over
func TestCore(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		t.Helper()
		var c *Core
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			step := func(e Event) string {
				actions, err := c.Step(time.Time{}, e)
				if err != nil {
					return err.Error()
				}
				return render(actions)
			}
			switch d.Cmd {
			case "plan":
				c = newScriptCore(t, d.Input, d.HasArg("streaming"))
				return step(Started{})
			case "done":
				return step(Succeeded{Attempt: attempt(t, d), Report: report(c, d)})
			case "fail":
				err := errors.New("it broke")
				if d.HasArg("final") {
					err = errFinal
				}
				return step(Failed{Attempt: attempt(t, d), Err: err})
			case "lost":
				l := &control.LostError{Err: errors.New("it is gone")}
				scan(t, d.CmdArgs[3].Key+" "+d.CmdArgs[4].Key, "%d %d", &l.Edge, &l.Task)
				return step(Failed{Attempt: attempt(t, d), Err: l})
			case "want":
				return step(SplitsWanted{Attempt: attempt(t, d)})
			case "cancel":
				return step(Cancelled{Cause: errors.New("the user said so")})
			default:
				return step(streamingEvent(t, d))
			}
		})
	})
}

// streamingEvent reads the commands of jobs that take checkpoints.
func streamingEvent(t *testing.T, d *datadriven.TestData) Event {
	t.Helper()
	var id stream.CheckpointID
	switch d.Cmd {
	case "loaded":
		return Loaded{}
	case "request":
		var k checkpoint.Kind
		if err := k.UnmarshalText([]byte(d.CmdArgs[0].Key)); err != nil {
			t.Fatal(err)
		}
		return Protocol{checkpoint.Requested{Number: 1, Kind: k}}
	case "ended":
		return Ended{attempt(t, d)}
	case "ack":
		scan(t, d.CmdArgs[3].Key, "%d", &id)
		return Acked{attempt(t, d), control.Ack{
			ID: id, Final: d.HasArg("final"), Prepared: []checkpoint.Committable{{UID: "sink", Checkpoint: id}},
		}}
	case "stored":
		scan(t, d.CmdArgs[0].Key, "%d", &id)
		var err error
		if d.HasArg("fail") {
			err = errors.New("the disk is full")
		}
		return Protocol{checkpoint.Stored{ID: id, Err: err}}
	case "committed":
		scan(t, d.CmdArgs[0].Key, "%d", &id)
		return Protocol{checkpoint.Committed{ID: id}}
	case "resume":
		return Resume{}
	default:
		t.Fatalf("unknown command %s", d.Cmd)
		return nil
	}
}

var errFinal = errors.New("it is wrong")

func newScriptCore(t *testing.T, script string, streaming bool) *Core {
	t.Helper()
	p := &physical.Plan{Job: plan.NewJob("test")}
	enums := map[int]connectors.Enumerator{}
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		if words[0] == "stage" {
			s := &physical.Stage{ID: len(p.Stages), Fixed: slices.Contains(words, "fixed"), Chain: []physical.Op{{Node: &plan.Node{}, Spec: physical.Limit{}}}}
			scan(t, words[2], "tasks=%d", &s.Tasks)
			if slices.Contains(words, "collect") {
				s.Chain[0].Spec = physical.Result{}
			}
			if slices.Contains(words, "source") {
				enums[s.ID] = &splits{left: []string{"a", "b", "c"}}
			}
			p.Stages = append(p.Stages, s)
			continue
		}
		var from, to int
		scan(t, words[1]+" "+words[2], "%d %d", &from, &to)
		e := &physical.Edge{ID: len(p.Edges), From: p.Stages[from], To: p.Stages[to], Blocking: !slices.Contains(words, "pipelined")}
		for k := physical.Forward; k <= physical.Gather; k++ {
			if k.String() == words[3] {
				e.Kind = k
			}
		}
		e.From.Outputs, e.To.Inputs = append(e.From.Outputs, e), append(e.To.Inputs, e)
		p.Edges = append(p.Edges, e)
	}
	settings := Settings{Attempts: 3, TaskBytes: 100, IsFinal: func(err error) bool { return errors.Is(err, errFinal) }}
	if streaming {
		settings.Streaming = &StreamingSettings{
			Restarts:      &FixedRestarts{Attempts: 3},
			NewEnumerator: func(int) (connectors.Enumerator, error) { return &splits{left: []string{"a", "b", "c"}}, nil },
		}
	}
	return NewCore(p, enums, settings)
}

func scan(t *testing.T, text, format string, to ...any) {
	t.Helper()
	if _, err := fmt.Sscanf(text, format, to...); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}

func attempt(t *testing.T, d *datadriven.TestData) (a control.Attempt) {
	t.Helper()
	scan(t, d.CmdArgs[0].Key+" "+d.CmdArgs[1].Key+" "+d.CmdArgs[2].Key, "%d %d %d", &a.Stage, &a.Task, &a.Number)
	return a
}

// report makes what an attempt leaves: the same facts for each output.
func report(c *Core, d *datadriven.TestData) (r control.Report) {
	var stage int
	_, _ = fmt.Sscan(d.CmdArgs[0].Key, &stage)
	for range c.plan.Stages[stage].Outputs {
		f := shuffle.Facts{}
		for _, arg := range d.CmdArgs[3:] {
			switch arg.Key {
			case "bytes":
				var n int64
				_, _ = fmt.Sscan(arg.Vals[0], &n)
				f.Bytes = []int64{n}
			case "keys":
				for _, k := range arg.Vals {
					f.Keys = append(f.Keys, []byte(k))
				}
			}
		}
		r.Facts = append(r.Facts, f)
	}
	return r
}

// splits is an enumerator of named splits, one at a time.
type splits struct{ left []string }

func (s *splits) IsExhausted() bool { return len(s.left) == 0 }

func (s *splits) Step(e connectors.Event) ([]connectors.Action, error) {
	switch e := e.(type) {
	case connectors.Requested:
		if len(s.left) == 0 {
			return []connectors.Action{connectors.NoMore{Task: e.Task}}, nil
		}
		first := s.left[0]
		s.left = s.left[1:]
		return []connectors.Action{connectors.Assign{Task: e.Task, Splits: []connectors.Split{{ID: first}}}}, nil
	case connectors.Returned:
		for _, split := range e.Splits {
			s.left = append(s.left, split.ID)
		}
	}
	return nil, nil
}

func (s *splits) Snapshot() ([]byte, error) { return []byte(strings.Join(s.left, " ")), nil }

// render prints actions, one a line.
func render(actions []Action) string {
	var b strings.Builder
	for _, a := range actions {
		switch a := a.(type) {
		case Launch:
			fmt.Fprintf(&b, "launch %s of %d", a.Assignment.Attempt, a.Assignment.Tasks)
			for edge := range 10 {
				if r, ok := a.Assignment.Ranges[edge]; ok {
					fmt.Fprintf(&b, ", edge %d: partitions %d to %d", edge, r.From, r.To)
				}
				if bounds, ok := a.Assignment.Bounds[edge]; ok {
					fmt.Fprintf(&b, " cut at %q", bounds)
				}
			}
			b.WriteByte('\n')
		case Stop:
			fmt.Fprintf(&b, "stop %s\n", a.Attempt)
		case Hand:
			fmt.Fprintf(&b, "hand %s", a.Attempt)
			for _, s := range a.Splits {
				fmt.Fprintf(&b, " %s", s.ID)
			}
			if a.NoMore {
				b.WriteString(" no more")
			}
			if a.Exhausted {
				b.WriteString(" exhausted")
			}
			b.WriteByte('\n')
		case Drop:
			fmt.Fprintf(&b, "drop edge %d\n", a.Edge)
		case Finish:
			fmt.Fprintf(&b, "finish, error: %v\n", a.Err)
		case Trigger:
			fmt.Fprintf(&b, "trigger %s %d at %v\n", a.Checkpoint.Kind, a.Checkpoint.ID, a.Attempts)
		case Store:
			fmt.Fprintf(&b, "store %d\n", a.Checkpoint.ID)
		case Commit:
			fmt.Fprintf(&b, "commit %d: %d prepared\n", a.Checkpoint.ID, len(a.Checkpoint.Committables))
		case Completed:
			fmt.Fprintf(&b, "completed %d, done: %v\n", a.ID, a.Done)
		case Aborted:
			fmt.Fprintf(&b, "aborted %d: %v\n", a.ID, a.Err)
		case Answer:
			fmt.Fprintf(&b, "answer %d, error: %v\n", a.Answer.ID, a.Answer.Err)
		case Wake:
			fmt.Fprintf(&b, "wake with %T\n", a.Event)
		default:
			fmt.Fprintf(&b, "%T\n", a)
		}
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}
