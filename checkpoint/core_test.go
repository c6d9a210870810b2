package checkpoint

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace/millrace/stream"
)

// TestCore runs the scripts in testdata/core. Commands, each of which may have at=DURATION, the time since the script began:
//
//	new [first=N] [interval=D] [inbacklog=D] [pause=D] [timeout=D] [inflight=N] [failures=N]
//	run TASK...                     tasks are written STAGE.INDEX
//	interrupt | due | committed N
//	request NUMBER KIND [target=T]
//	ack N TASK... [final] [prepared=N,...]   with a committable for each of those checkpoints
//	decline N TASK [fenced]
//	stored N [fail] [fenced]
//	ended TASK...
//	backlog | live                  sources are in their backlog, or not any more
//
// A line of input is a step with an output of its own.
func TestCore(t *testing.T) {
	datadriven.Walk(t, "testdata/core", func(t *testing.T, path string) {
		t.Helper()
		var s script
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			return s.run(t, d)
		})
	})
}

var scriptStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

type script struct {
	core *Core
	now  time.Time
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	if at := arg(d, "at"); at != "" {
		s.now = scriptStart.Add(duration(t, at))
	}
	var out []string
	for _, e := range s.events(t, d) {
		out = append(out, s.render(s.core.Step(s.now, e)))
	}
	return strings.Join(out, "\n")
}

func (s *script) events(t *testing.T, d *datadriven.TestData) (out []Event) {
	t.Helper()
	switch d.Cmd {
	case "new":
		s.now = scriptStart
		s.core = NewCore(Settings{
			First: stream.CheckpointID(number(t, arg(d, "first"))), Interval: duration(t, arg(d, "interval")),
			InBacklog: duration(t, arg(d, "inbacklog")), Pause: duration(t, arg(d, "pause")),
			Timeout: duration(t, arg(d, "timeout")), InFlight: number(t, arg(d, "inflight")), Failures: number(t, arg(d, "failures")),
		})
	case "run":
		return []Event{Running{Tasks: tasks(t, d)}}
	case "interrupt":
		return []Event{Interrupted{Err: errors.New("a task broke")}}
	case "due":
		return []Event{Due{}}
	case "request":
		r := Requested{Number: number(t, d.CmdArgs[0].Key), Target: arg(d, "target")}
		if err := r.Kind.UnmarshalText([]byte(d.CmdArgs[1].Key)); err != nil {
			t.Fatal(err)
		}
		return []Event{r}
	case "ack":
		for _, task := range tasks(t, d) {
			a := Acked{ID: id(t, d), Task: task, Handle: Handle{Checkpoint: id(t, d), Task: task}, Final: d.HasArg("final")}
			for _, p := range args(d, "prepared") {
				a.Committables = append(a.Committables, Committable{Checkpoint: stream.CheckpointID(number(t, p)), UID: "sink", Task: task.Index})
			}
			out = append(out, a)
		}
	case "decline":
		return []Event{Declined{ID: id(t, d), Task: tasks(t, d)[0], Err: scriptErr(d)}}
	case "stored":
		e := Stored{ID: id(t, d)}
		if d.HasArg("fail") || d.HasArg("fenced") {
			e.Err = scriptErr(d)
		}
		return []Event{e}
	case "committed":
		return []Event{Committed{ID: id(t, d)}}
	case "backlog", "live":
		return []Event{Backlog{Is: d.Cmd == "backlog"}}
	case "ended":
		for _, task := range tasks(t, d) {
			out = append(out, TaskEnded{Task: task})
		}
	default:
		t.Fatalf("unknown command %s", d.Cmd)
	}
	return out
}

func scriptErr(d *datadriven.TestData) error {
	if d.HasArg("fenced") {
		return ErrFenced
	}
	return errors.New("the disk is full")
}

func (s *script) render(actions []Action) string {
	if len(actions) == 0 {
		return "nothing"
	}
	var out []string
	for _, a := range actions {
		out = append(out, renderAction(a))
	}
	return strings.Join(out, "\n")
}

func renderAction(a Action) string {
	switch a := a.(type) {
	case Wake:
		return fmt.Sprintf("wake at %s", a.At.Sub(scriptStart))
	case Trigger:
		return strings.TrimSuffix(fmt.Sprintf("trigger %s %d: %s to %s", a.Kind, a.ID, short(a.Tasks), a.Target), " to ")
	case Persist:
		var handles []string
		for _, h := range a.Handles {
			handles = append(handles, fmt.Sprintf("%d.%d of %d", h.Task.Stage, h.Task.Index, h.Checkpoint))
		}
		return fmt.Sprintf("store %s %d: %s%s", a.Kind, a.ID, strings.Join(handles, ", "), prepared(a.Committables))
	case Commit:
		return fmt.Sprintf("commit %d final=%v%s", a.ID, a.Final, prepared(a.Committables))
	case Notify:
		return fmt.Sprintf("notify %d: %s done: %s", a.ID, short(a.Tasks), short(a.Done))
	case Abort:
		return fmt.Sprintf("abort %d: %s: %v", a.ID, short(a.Tasks), a.Err)
	case Answer:
		if a.Err != nil {
			return fmt.Sprintf("answer %d: %v", a.Number, a.Err)
		}
		return fmt.Sprintf("answer %d: checkpoint %d", a.Number, a.ID)
	case FailJob:
		return fmt.Sprintf("fail job: %v", a.Err)
	case Over:
		return fmt.Sprintf("over with %d", a.ID)
	default:
		return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", a), "checkpoint."), "{}"))
	}
}

func prepared(cs []Committable) string {
	var out []string
	for _, c := range cs {
		out = append(out, fmt.Sprintf("%d/%d", c.Checkpoint, c.Task))
	}
	if out == nil {
		return ""
	}
	return "; committables " + strings.Join(out, " ")
}

func short(tasks []Task) string {
	var out []string
	for _, t := range tasks {
		out = append(out, fmt.Sprintf("%d.%d", t.Stage, t.Index))
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, " ")
}

func arg(d *datadriven.TestData, key string) string { return strings.Join(args(d, key), ",") }

func args(d *datadriven.TestData, key string) []string {
	for _, arg := range d.CmdArgs {
		if arg.Key == key {
			return arg.Vals
		}
	}
	return nil
}

func id(t *testing.T, d *datadriven.TestData) stream.CheckpointID {
	t.Helper()
	return stream.CheckpointID(number(t, d.CmdArgs[0].Key))
}

func tasks(t *testing.T, d *datadriven.TestData) (out []Task) {
	t.Helper()
	for _, arg := range d.CmdArgs {
		var task Task
		if _, err := fmt.Sscanf(arg.Key, "%d.%d", &task.Stage, &task.Index); err == nil {
			out = append(out, task)
		}
	}
	return out
}

func number(t *testing.T, text string) (n int) {
	t.Helper()
	if text == "" {
		return 0
	}
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
