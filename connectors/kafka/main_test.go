package kafka_test

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	broker "github.com/millrace/millrace/internal/testkit/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake starts a broker in this process and returns its address.
func fake(t testing.TB, opts ...kfake.Opt) string {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

// client returns a client of a broker.
func client(t testing.TB, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// produce writes values to a partition; "" is a message without value.
func produce(t testing.TB, addr, topic string, partition int32, values ...string) {
	t.Helper()
	c := client(t, addr)
	for i, v := range values {
		r := &kgo.Record{Topic: topic, Partition: partition, Value: []byte(v), Key: []byte{'k', byte('0' + i%10)}, Timestamp: time.UnixMilli(int64(1000 * i))}
		if v == "" {
			r.Value = nil
		}
		c.Produce(t.Context(), r, nil)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// job drives a source as the engine does: an enumerator and a reader for each task.
type job[T any] struct {
	t        testing.TB
	source   connectors.TypedSource[T]
	enum     connectors.Enumerator
	readers  []connectors.Reader
	done     []bool
	later    []connectors.Later
	assigned map[string]connectors.Split
	at       map[string]connectors.Position
	rows     []T
	bad      []connectors.Bad
	counts   map[string]int64
}

func newJob[T any](t testing.TB, s connectors.TypedSource[T], tasks int) *job[T] {
	t.Helper()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	j := &job[T]{t: t, source: s, assigned: map[string]connectors.Split{}, at: map[string]connectors.Position{}, counts: map[string]int64{}}
	var err error
	if j.enum, err = s.NewEnumerator(connectors.Env{}, connectors.Scan{}, connectors.Facts{}); err != nil {
		t.Fatal(err)
	}
	for i := range tasks {
		env := connectors.TaskEnv{Task: i, Tasks: tasks, Count: func(name string, n int64) { j.counts[name] += n }}
		env.Report = func(b connectors.Bad) error {
			j.bad = append(j.bad, b)
			return nil
		}
		r, err := s.NewReader(env, connectors.Scan{Rows: 100})
		if err != nil {
			t.Fatal(err)
		}
		j.readers = append(j.readers, r)
	}
	j.done = make([]bool, tasks)
	t.Cleanup(j.close)
	return j
}

func (j *job[T]) close() {
	for _, r := range j.readers {
		if err := r.Close(); err != nil {
			j.t.Error(err)
		}
	}
	j.readers = nil
}

// start begins a run.
func (j *job[T]) start() { j.step(connectors.Started{Tasks: len(j.readers)}) }

// resume begins a run from what another had at a checkpoint.
func (j *job[T]) resume(old *job[T]) {
	state, err := old.enum.Snapshot()
	if err != nil {
		j.t.Fatal(err)
	}
	e := connectors.Restored{Tasks: len(j.readers), State: state}
	for id, s := range old.assigned {
		e.Splits, e.Positions = append(e.Splits, s), append(e.Positions, old.at[id])
	}
	j.step(e)
}

func (j *job[T]) step(e connectors.Event) {
	j.t.Helper()
	actions, err := j.enum.Step(e)
	if err != nil {
		j.t.Fatal(err)
	}
	for _, a := range actions {
		switch a := a.(type) {
		case connectors.Call:
			result, err := a.Do(j.t.Context())
			j.step(connectors.Called{Name: a.Name, Result: result, Err: err})
		case connectors.Later:
			j.later = append(j.later, a)
		case connectors.Assign:
			for i, s := range a.Splits {
				j.assigned[s.ID] = s
				if i < len(a.Positions) {
					j.at[s.ID] = a.Positions[i]
				}
			}
			if err := j.readers[a.Task].Assign(a.Splits, a.Positions); err != nil {
				j.t.Fatal(err)
			}
		case connectors.NoMore:
			j.done[a.Task] = true
		}
	}
}

// wait answers what is to come later.
func (j *job[T]) wait() {
	later := j.later
	j.later = nil
	for _, l := range later {
		j.step(connectors.Called{Name: l.Name})
	}
}

// run fetches until all tasks are done, or there are rows enough, or nothing has come for two seconds. It returns the rows of this call.
func (j *job[T]) run(enough int) []T {
	j.t.Helper()
	from := len(j.rows)
	for quiet := time.Now(); time.Since(quiet) < 2*time.Second && len(j.rows)-from < enough; {
		for i, r := range j.readers {
			if j.done[i] {
				continue
			}
			f, err := r.Fetch(j.t.Context())
			if errors.Is(err, io.EOF) {
				j.step(connectors.Requested{Task: i})
				continue
			}
			if err != nil {
				j.t.Fatal(err)
			}
			if f.Batch.Rows() > 0 {
				quiet = time.Now()
			}
			j.take(f)
		}
		if !slices.Contains(j.done, false) {
			break
		}
	}
	return j.rows[from:]
}

func (j *job[T]) take(f connectors.Fetched) {
	j.t.Helper()
	if f.Split != "" {
		j.at[f.Split] = f.Next
	}
	if f.Done {
		delete(j.assigned, f.Split)
	}
	if f.Batch.Rows() > 0 {
		j.rows = append(j.rows, decode[T](j.t, f.Batch)...)
	}
}

func decode[T any](t testing.TB, b columnar.Batch) []T {
	t.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Decoder(b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := d.Decode(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// consume returns the values of a topic that readers of committed records see, as soon as there are so many at least.
func consume(t testing.TB, addr, topic string, atLeast int) []string {
	t.Helper()
	var got []string
	for _, m := range broker.Consume(t, addr, topic, atLeast) {
		got = append(got, string(m.Value))
	}
	return got
}
