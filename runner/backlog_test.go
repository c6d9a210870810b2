package runner_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/status"
	"github.com/millrace/millrace/vfs/mem"
)

// remembering is a source that is in its backlog as long as it is told so.
type remembering struct {
	connectors.TypedSource[sample]
	inBacklog *atomic.Bool
}

func (r remembering) NewReader(env connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	inner, err := r.TypedSource.NewReader(env, scan)
	return rememberingReader{inner, r.inBacklog}, err
}

type rememberingReader struct {
	connectors.Reader
	inBacklog *atomic.Bool
}

func (r rememberingReader) IsInBacklog() bool { return r.inBacklog.Load() }

// endless reads samples of two sources for ever, the first of which remembers.
func endless(inBacklog *atomic.Bool) func(*plan.Job) {
	return func(job *plan.Job) {
		made := generate.Source[sample]{Endless: true, Rate: 5000, At: func(i int64) sample { return sample{i, i} }}
		old := datastream.Read(job, remembering{made, inBacklog}, plan.UID("old"))
		datastream.Collect(datastream.Union(old, datastream.Read(job, made, plan.UID("live"))))
	}
}

// As long as a source is in its backlog no checkpoint begins by itself, if that is how it is set; the status says which source it is.
func TestNoCheckpointsInBacklog(t *testing.T) {
	var inBacklog atomic.Bool
	inBacklog.Store(true)
	o := stored(t, mem.New("test"))
	o.Streaming.Checkpoints.InBacklog = -1
	var steering sync.WaitGroup
	running, ended := context.WithCancel(t.Context())
	o.Running = func(c runner.Controls) {
		steering.Go(func() { // ends with the stop
			until(running, c, func(j status.Job) bool {
				last := j.Checkpoints.Last
				return len(j.InBacklog()) > 0 && (len(last) == 0 || last[0].State != status.InProgress)
			})
			j := c.Status()
			checkBacklog(t, j)
			before, _ := j.RowsIn()
			until(running, c, func(j status.Job) bool {
				rows, _ := j.RowsIn()
				return rows > before+3000
			})
			if now := c.Status(); now.Checkpoints.Completed != j.Checkpoints.Completed {
				t.Errorf("in the backlog %d checkpoints are complete, %d were before", now.Checkpoints.Completed, j.Checkpoints.Completed)
			}
			if _, err := c.Checkpoint(t.Context()); err != nil {
				t.Errorf("one that is asked for: %v", err)
			}
			asked := c.Status().Checkpoints.Completed
			inBacklog.Store(false)
			until(running, c, func(j status.Job) bool { return j.Checkpoints.Completed > asked+1 })
			j = c.Status()
			if nodes := j.InBacklog(); len(nodes) > 0 {
				t.Errorf("behind the backlog: %q are in one", nodes)
			}
			if _, err := c.Stop(t.Context(), "mem:///savepoints", false); err != nil {
				t.Error(err)
			}
		})
	}
	_, err := runner.Run(t.Context(), endless(&inBacklog), o)
	ended()
	steering.Wait()
	if err != nil {
		t.Fatal(err)
	}
}

// checkBacklog looks at what a job shows of its backlog.
func checkBacklog(t *testing.T, j status.Job) {
	t.Helper()
	i := slices.IndexFunc(j.Nodes, func(n status.Node) bool { return n.UID == "old" })
	if nodes := j.InBacklog(); !slices.Equal(nodes, []string{j.Nodes[i].Name}) {
		t.Errorf("in the backlog are %q, not %s", nodes, j.Nodes[i].Name)
	}
	var text, metrics bytes.Buffer
	if err := errors.Join(j.WriteText(&text, time.Now()), j.WriteMetrics(&metrics)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "in backlog: "+j.Nodes[i].Name) {
		t.Errorf("the status does not tell of it:\n%s", text.String())
	}
	for line := range strings.Lines(metrics.String()) {
		if rest, ok := strings.CutPrefix(line, "millrace_in_backlog{"); ok && strings.HasSuffix(rest, " 1\n") != strings.Contains(rest, `uid="old"`) {
			t.Errorf("metrics have %s", line)
		}
	}
}

// An interval in the backlog that is shorter than the normal one is a mistake.
func TestBacklogInterval(t *testing.T) {
	for _, c := range []struct {
		interval, inBacklog time.Duration
		wrong               bool
	}{
		{time.Second, 0, false},
		{time.Second, time.Second, false},
		{time.Second, time.Minute, false},
		{time.Second, -1, false},
		{-1, 0, false},
		{-1, -1, false},
		{time.Minute, time.Second, true},
		{-1, time.Second, true},
		{0, time.Second, true},
		{0, 10 * time.Second, false},
	} {
		o := stored(t, mem.New("test"))
		o.Streaming.Always = true
		o.Streaming.Checkpoints.Interval, o.Streaming.Checkpoints.InBacklog = c.interval, c.inBacklog
		_, err := runner.Run(t.Context(), func(job *plan.Job) {
			datastream.Collect(datastream.Read(job, generate.Source[sample]{Rows: 3, At: func(i int64) sample { return sample{i, i} }}, plan.UID("in")))
		}, o)
		var usage *runner.UsageError
		if errors.As(err, &usage) != c.wrong || err != nil && !c.wrong {
			t.Errorf("interval %s, in a backlog %s: %v", c.interval, c.inBacklog, err)
		}
	}
}
