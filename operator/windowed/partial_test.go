package windowed

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/window"
)

// front is a task of the first step. What it emits goes to the tasks of the second at once.
type front struct {
	job  *job
	op   *Partial
	mark int64
	idle bool // it has been, and has not caught up with the others
	rows int  // emitted
}

// Emit implements stream.Output: rows go to the tasks that own their keys, as they lie.
func (f *front) Emit(b columnar.Batch) {
	j := f.job
	j.t.Helper()
	f.rows += b.Rows()
	n := b.Rows()
	hashes := make([]uint64, n)
	keys.Hash(b.Columns[:1], b.Sel, n, hashes)
	for _, task := range j.tasks {
		mine := b
		mine.Sel = []int32{}
		for i, h := range hashes {
			if task.groups.Has(task.groups.Of(h)) {
				mine.Sel = append(mine.Sel, int32(b.Row(i)))
			}
		}
		if len(mine.Sel) == 0 {
			continue
		}
		j.settle(task, false)
		late := task.env.Metrics.Values().User["late"]
		mine = mine.Clone()
		if err := task.op.Process(0, mine, &taken{j, 1}); err != nil {
			j.t.Fatal(err)
		}
		task.owing = true
		j.settle(task, false)
		j.late += int(task.env.Metrics.Values().User["late"] - late)
	}
}

func (*front) EmitSide(int, columnar.Batch) error { panic("there is no side output") }

func (*front) Room() int { return 1 }

// startFronts makes the tasks of the first step.
func (j *job) startFronts() {
	j.t.Helper()
	old := j.fronts
	j.fronts = nil
	for i := range j.before {
		f := &front{job: j, op: NewPartial(j.spec), mark: math.MinInt64}
		env := optest.NewEnv(j.t, 0, eventSchema)
		env.IsStreaming = !j.batch
		if err := f.op.Open(env); err != nil {
			j.t.Fatal(err)
		}
		if old != nil { // event time goes on from where it was
			f.mark = old[i].mark
			f.watermark(f.mark)
		}
		j.fronts = append(j.fronts, f)
	}
}

// watermark tells the first step of one as a task does.
func (f *front) watermark(mark int64) {
	f.job.t.Helper()
	f.mark = mark
	f.op.Keeps(stream.Mark{Kind: stream.WatermarkMark, Watermark: stream.Watermark(mark)})
	if err := f.op.Advance(stream.Watermark(mark), f); err != nil {
		f.job.t.Fatal(err)
	}
}

// flush is what a barrier does, and an input that runs dry.
func (f *front) flush() {
	f.job.t.Helper()
	if err := f.op.Flush(f); err != nil {
		f.job.t.Fatal(err)
	}
	if f.op.groups != 0 || len(f.op.held) != 0 {
		f.job.t.Fatalf("%d groups are still held", f.op.groups)
	}
}

// closeFronts ends the tasks of the first step, all that they hold having come out.
func (j *job) closeFronts() {
	j.t.Helper()
	for _, f := range j.fronts {
		if err := f.op.EndInput(0, f); err != nil {
			j.t.Fatal(err)
		}
		if err := f.op.Close(); err != nil {
			j.t.Fatal(err)
		}
	}
}

// gather gives events to one of the tasks of the first step.
func (j *job) gather(events []event) {
	j.t.Helper()
	f := j.fronts[j.random.IntN(len(j.fronts))]
	b, poison := j.dress(events)
	if err := f.op.Process(0, b, f); err != nil {
		j.t.Fatal(err)
	}
	poison()
}

// mark returns the watermark of those that are not idle, or was if all are.
func (j *job) mark(was int64) int64 {
	mark, all := int64(math.MaxInt64), true
	for _, f := range j.fronts {
		if !f.idle {
			mark, all = min(mark, f.mark), false
		}
	}
	if all {
		return was
	}
	return max(mark, was)
}

// drawPartials draws windows that can be computed in two steps, and a job of them.
func drawPartials(t *testing.T, r *rapid.T, fronts int) (window.Spec, *job) {
	t.Helper()
	spec := drawWindows(r)
	j := &job{t: t, spec: testSpec(t, spec), random: rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1)), clock: &clock{}, before: fronts}
	j.spec.Inputs[0].Late = -1
	return spec, j
}

// disturb has a task of the first step do sooner what it does for many rows, or for want of memory.
func (f *front) disturb(r *rapid.T) {
	switch rapid.IntRange(0, 7).Draw(r, "disturbance") {
	case 0:
		f.flush()
	case 1:
		f.op.trial = trial{rows: trialRows, groups: trialRows}
	case 2:
		f.op.trial = trial{}
	case 3:
		f.op.tight = true
	default:
	}
}

// TestPartialAgainstReference has the one task of the first step, and several of the second, do what the reference does, values in the order in which
// they came.
func TestPartialAgainstReference(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		spec, j := drawPartials(t, r, 1)
		ref := newReference(spec)
		compareRuns(r, j, ref, func(events []event) {
			ref.process(events)
			j.fronts[0].disturb(r)
		})
	})
}

// TestPartialsAgainstReference has several tasks of the first step, some of which are ahead in event time, or idle. What is late is decided by the
// watermark of them all.
func TestPartialsAgainstReference(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		spec, j := drawPartials(t, r, rapid.IntRange(2, 4).Draw(r, "first"))
		ref := newReference(spec)
		ref.sorted, j.sorted = true, true
		j.start(rapid.IntRange(1, 4).Draw(r, "tasks"))
		now := rapid.Int64Range(-100, 100).Draw(r, "begin")
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			f := j.fronts[rapid.IntRange(0, len(j.fronts)-1).Draw(r, "front")]
			f.disturb(r)
			switch rapid.IntRange(0, 9).Draw(r, "what") {
			case 0, 1, 2, 3:
				events := drawEvents(r, now)
				f.idle = f.idle && f.mark < ref.mark
				ref.process(events)
				one := j.fronts
				j.fronts = []*front{f}
				j.gather(events)
				j.fronts = one
			case 4:
				f.idle = true
				if f.op.Keeps(stream.Mark{Kind: stream.IdleMark}) {
					r.Fatal("what is held stays behind an idle mark")
				}
				f.flush()
			case 5:
				j.restart(rapid.IntRange(1, 7).Draw(r, "tasks then"))
			default:
				now += rapid.SampledFrom([]int64{1, 7, 30, 90}).Draw(r, "pass")
				f.watermark(max(f.mark, now-rapid.Int64Range(0, 20).Draw(r, "delay")))
				f.idle = f.idle && f.mark < ref.mark
			}
			if mark := j.mark(ref.mark); mark > ref.mark {
				ref.advance(mark)
				j.raise(mark, true)
			}
		}
		for _, f := range j.fronts {
			f.flush()
		}
		ref.advance(math.MaxInt64)
		j.stop()
		compareSets(r, withoutLast(ref.out), withoutLast(j.got))
		if j.late != ref.dropped {
			r.Fatalf("%d rows were late, want %d", j.late, ref.dropped)
		}
	})
}

// TestTwoSteps gives the windows of scripts, those that can be computed in two steps, the same rows in both ways: also the order is the same.
func TestTwoSteps(t *testing.T) {
	for name, spec := range scripted {
		if !spec.HasSlices() || spec.Assigner.ByClock {
			continue
		}
		t.Run(name, func(t *testing.T) {
			run := func(before int) []string {
				j := &job{t: t, spec: testSpec(t, spec), random: rand.New(rand.NewPCG(1, 2)), clock: &clock{}, before: before}
				j.spec.Inputs[0].Late = -1
				j.start(2)
				random := rand.New(rand.NewPCG(3, 4))
				for step := range int64(200) {
					events := make([]event, 1+random.IntN(20))
					for i := range events {
						events[i] = event{random.Int64N(3), step - random.Int64N(12), random.Int64N(100)}
					}
					j.process(0, events)
					if step%3 == 0 {
						j.advance(step-6, false)
					}
				}
				j.stop()
				return j.got
			}
			if diff := cmp.Diff(run(0), run(1)); diff != "" {
				t.Errorf("panes differ (-one step +two):\n%s", diff)
			}
		})
	}
}

// TestPartialHolds pins what is emitted when: of a tumbling window of ten, three batches and two watermarks.
func TestPartialHolds(t *testing.T) {
	j := &job{t: t, spec: testSpec(t, window.New(window.Tumbling(10*us), window.AllowedLateness(5*us))), random: rand.New(rand.NewPCG(1, 2)), clock: &clock{}, before: 1}
	j.start(1)
	f := j.fronts[0]
	check := func(what string, rows, groups int) {
		t.Helper()
		if f.rows != rows || f.op.groups != groups {
			t.Errorf("%s: %d rows are emitted and %d held, want %d and %d", what, f.rows, f.op.groups, rows, groups)
		}
		f.rows = 0
	}
	j.process(0, []event{{1, 2, 0}, {1, 3, 0}, {2, 4, 0}, {1, 12, 0}})
	check("rows", 0, 3)
	f.watermark(8)
	check("a watermark within the window", 0, 3)
	j.process(0, []event{{1, 9, 0}, {2, 11, 0}})
	check("more rows", 0, 4)
	f.watermark(9)
	check("the window's last time", 2, 2)
	j.process(0, []event{{1, 5, 0}, {1, 6, 0}, {3, 19, 0}})
	check("late rows", 1, 3)
	f.watermark(14)
	j.process(0, []event{{1, 5, 0}, {1, 6, 0}})
	check("rows that are to be dropped, as far as the task knows", 2, 3)
	f.op.Keeps(stream.Mark{Kind: stream.IdleMark})
	f.flush()
	check("idle", 3, 0)
	j.process(0, []event{{1, 15, 0}, {1, 16, 0}})
	check("after that", 2, 0)
	j.stop()
}

// TestPartialGivesUp checks that grouping stops where there are as many keys as rows, is tried again, and goes on where it pays.
func TestPartialGivesUp(t *testing.T) {
	for _, c := range []struct {
		keys   int64
		passes bool
	}{{1 << 40, true}, {100, false}} {
		t.Run(fmt.Sprint(c.keys), func(t *testing.T) {
			j := &job{t: t, spec: testSpec(t, window.New(window.Tumbling(time.Second))), random: rand.New(rand.NewPCG(1, 2)), clock: &clock{}, before: 1}
			j.start(1)
			f := j.fronts[0]
			events := make([]event, columnar.DefaultRows)
			for rows := 0; rows < trialRows; rows += len(events) {
				for i := range events {
					events[i] = event{j.random.Int64N(c.keys), j.random.Int64N(1000), 1}
				}
				j.process(0, events)
			}
			if passes := f.op.trial.pass > 0; passes != c.passes {
				t.Fatalf("rows pass: %t, want %t", passes, c.passes)
			}
			f.flush()
			f.rows = 0
			j.process(0, events)
			if passes := f.rows == len(events); passes != c.passes {
				t.Errorf("%d of %d rows passed", f.rows, len(events))
			}
			f.op.trial.pass = min(f.op.trial.pass, 1)
			j.process(0, events)
			j.process(0, events)
			if f.op.trial.rows == 0 {
				t.Error("it is not tried again")
			}
			j.stop()
		})
	}
}

// TestPartialWithoutMemory has no room for keys: rows pass.
func TestPartialWithoutMemory(t *testing.T) {
	spec := window.New(window.Sliding(20*us, 10*us))
	j := &job{t: t, spec: testSpec(t, spec), random: rand.New(rand.NewPCG(1, 2)), clock: &clock{}, before: 1}
	j.start(1)
	f := j.fronts[0]
	closed := f.op
	f.op = NewPartial(j.spec)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.op.Open(optest.NewEnv(t, 1, eventSchema)); err != nil {
		t.Fatal(err)
	}
	ref := newReference(spec)
	for step := range int64(5) {
		events := make([]event, 3000)
		for i := range events {
			events[i] = event{j.random.Int64N(2000), step*10 + j.random.Int64N(10), 1}
		}
		ref.process(events)
		j.process(0, events)
	}
	ref.advance(math.MaxInt64)
	j.stop()
	compareSets(t, withoutLast(ref.out), withoutLast(j.got))
}

// TestPartialShapes has the states of rows, however they lie in memory and however much of it there is, add up to what they are of.
func TestPartialShapes(t *testing.T) {
	type sums struct{ count, sum int64 }
	random := rand.New(rand.NewPCG(5, 6))
	events, want := make([]event, 3000), map[[2]int64]sums{}
	for i := range events {
		e := event{random.Int64N(900), random.Int64N(90), random.Int64N(100)}
		at := [2]int64{e.key, e.at / 30 * 30}
		want[at] = sums{want[at].count + 1, want[at].sum + e.value}
		events[i] = e
	}
	spec := testSpec(t, window.New(window.Tumbling(30*us)))
	spec.Inputs[0].Calls = spec.Inputs[0].Calls[:2]
	optest.Run(t, optest.Case{
		New: func() stream.Operator { return NewPartial(spec) }, Inputs: []columnar.Batch{batchOf(events)}, Memory: 64 << 10, Free: true,
		Schema: columnar.NewSchema(append(slices.Clone(eventSchema.Fields), stateField)...),
		Check: func(t *testing.T, out []columnar.Batch) {
			t.Helper()
			got := map[[2]int64]sums{}
			cells := newStateCells(spec.calls())
			for _, b := range out {
				for i := range b.Rows() {
					r := b.Row(i)
					one := sums{1, columnar.Values[int64](b.Columns[1])[r]}
					if last := &b.Columns[3]; !isRow(last, int32(r)) {
						states, err := cells.decode(last, []int32{int32(r)})
						if err != nil {
							t.Fatal(err)
						}
						one = sums{columnar.Values[int64](states[0][0])[0], columnar.Values[int64](states[1][0])[0]}
					}
					at := [2]int64{columnar.Values[int64](b.Columns[0])[r], b.Time[r] / 30 * 30}
					got[at] = sums{got[at].count + one.count, got[at].sum + one.sum}
				}
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(sums{})); diff != "" {
				t.Errorf("states differ (-want +got):\n%.2000s", diff)
			}
		},
	})
}
