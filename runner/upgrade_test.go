package runner_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/status"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/vfs/mem"
)

type personBefore struct {
	Age  int32
	Name string
}

// before is the first version of a processor.
type before struct {
	Person state.Value[personBefore] `state:"person"`
	Pages  state.Map[string, int32]  `state:"pages"`
	Last   state.List[int64]         `state:"last"`
	seen   *atomic.Int64
}

func (b *before) OnRecord(_ *datastream.Context[int64, string], s sample) error {
	if s.Key < 0 {
		return nil
	}
	defer b.seen.Add(1)
	b.Person.Set(personBefore{int32(s.Value), fmt.Sprint("n", s.Key)})
	b.Pages.Put(fmt.Sprint("p", s.Value%2), int32(s.Value))
	b.Last.Add(s.Value)
	return nil
}

type personAfter struct {
	Name   string
	Member bool
	Age    int64
}

// after is the next version: a table has another name, one is new, of fields one is added, some are wider, and they come in another order.
type after struct {
	Pages  state.Map[string, float64] `state:"pages"`
	Person state.Value[personAfter]   `state:"human,was=person"`
	Last   state.List[int64]          `state:"last"`
	Fresh  state.Value[int64]         `state:"fresh"`
	seen   *atomic.Int64
}

func (a *after) OnRecord(ctx *datastream.Context[int64, string], s sample) error {
	if s.Key < 0 {
		return nil
	}
	defer a.seen.Add(1)
	p, _ := a.Person.Get()
	_, known := a.Fresh.Get()
	even, _ := a.Pages.Get("p0")
	odd, _ := a.Pages.Get("p1")
	ctx.Emit(fmt.Sprintln(ctx.Key(), p.Name, p.Member, p.Age, even, odd, slices.Collect(a.Last.All()), known))
	return nil
}

type personWrong struct{ Name, Age string }

// wrong is a version that the first one's state does not fit.
type wrong struct {
	Person state.Value[personWrong] `state:"person"`
	Pages  state.Map[int64, int32]  `state:"pages"`
	seen   *atomic.Int64
}

func (w *wrong) OnRecord(ctx *datastream.Context[int64, string], s sample) error {
	if _, known := w.Person.Get(); s.Key >= 0 && !known && w.Pages.Len() == 0 {
		ctx.Emit("new")
		w.seen.Add(1)
	}
	return nil
}

// version is the job with one of the processors. Each has sources of its own, of which the others know nothing; one has no end.
func version[P datastream.Processor[int64, sample, string]](name string, records []sample, newFn func() P, got **dataset.Result[string]) func(*plan.Job) {
	return func(job *plan.Job) {
		in := datastream.FromSlice(job, records, plan.UID("in "+name))
		endless := datastream.Read(job, generate.Source[sample]{Endless: true, Rate: 100, At: func(int64) sample { return sample{-1, 0} }}, plan.UID("endless "+name))
		keyed := datastream.KeyBy(datastream.Union(in, endless), func(s sample) int64 { return s.Key })
		*got = datastream.Collect(datastream.Process(keyed, newFn, plan.UID("people")))
	}
}

// A changed program finds the state of the one before by rule, whatever back end each has; what does not fit is refused, field by field.
func TestUpgrade(t *testing.T) {
	var records []sample
	var want []string
	for key := range int64(20) {
		records = append(records, sample{key, 2 * key}, sample{key, 2*key + 1})
		want = append(want, fmt.Sprintln(key, fmt.Sprint("n", key), false, 2*key+1, float64(2*key), float64(2*key+1), []int64{2 * key, 2*key + 1}, false))
	}
	once := slices.Clone(records)
	once = slices.DeleteFunc(once, func(s sample) bool { return s.Value%2 == 1 })
	slices.Sort(want)
	for _, backends := range [][2]runner.StateBackend{
		{runner.StateHeap, runner.StateHeap}, {runner.StateHeap, runner.StateLSM}, {runner.StateLSM, runner.StateHeap}, {runner.StateLSM, runner.StateLSM},
	} {
		t.Run(fmt.Sprintf("%s to %s", backends[0], backends[1]), func(t *testing.T) {
			o := stored(t, mem.New("test"))
			o.Streaming.State = backends[0]
			var got *dataset.Result[string]
			var seen atomic.Int64
			stop := func(build func(*plan.Job), rows int) (cp status.Checkpoint) {
				t.Helper()
				seen.Store(0)
				err := steer(t, o, build, func(running context.Context, c runner.Controls) {
					until(running, c, func(status.Job) bool { return int(seen.Load()) == rows })
					var err error
					if cp, err = c.Stop(t.Context(), "mem:///savepoints", false); err != nil {
						t.Error(err)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				return cp
			}
			first := stop(version("before", records, func() *before { return &before{seen: &seen} }, &got), len(records))
			o.Streaming.From, o.Streaming.State, o.Parallelism = runner.FromLatest, backends[1], 3
			_, err := runner.Run(t.Context(), version("wrong", nil, func() *wrong { return &wrong{seen: &seen} }, &got), o)
			for _, text := range []string{
				"refused   people", "values.age: int32 was saved, now it is string", "namespace.map_key: string was saved, now it is int64", "refused   last: it is not declared", "refused   in before", "refused   endless before",
			} {
				if runner.ExitCode(err) != runner.ExitUsage || !strings.Contains(err.Error(), text) {
					t.Errorf("%q is missing in: %v", text, err)
				}
			}
			o.Streaming.AllowDropped = []string{"in before", "endless before", "people"}
			o.Name, o.Streaming.From = "other", first.URL
			stop(version("wrong", once, func() *wrong { return &wrong{seen: &seen} }, &got), len(once))
			if diff := cmp.Diff(slices.Repeat([]string{"new"}, len(once)), got.Records()); diff != "" {
				t.Errorf("with state that may be lost (-want +got):\n%s", diff)
			}
			o.Name = "stored"
			o.Streaming.AllowDropped = []string{"in before", "endless before"}
			stop(version("after", once, func() *after { return &after{seen: &seen} }, &got), len(once))
			if diff := cmp.Diff(want, sorted(got)); diff != "" {
				t.Errorf("the state that the next version finds (-want +got):\n%s", diff)
			}
		})
	}
}
