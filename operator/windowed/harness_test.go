package windowed

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/window"
)

var eventSchema = columnar.NewSchema(columnar.Field{Name: "key", Type: columnar.Int64Type}, columnar.Field{Name: "value", Type: columnar.Int64Type},
	columnar.Field{Name: "level", Type: columnar.Float64Type})

// testSpec has count, sum, max and all values.
func testSpec(t testing.TB, w window.Spec) Spec {
	t.Helper()
	sum, err := agg.SumOf(columnar.Int64Type)
	if err != nil {
		t.Fatal(err)
	}
	most, err := agg.MaxOf(columnar.Int64Type)
	if err != nil {
		t.Fatal(err)
	}
	return Spec{Windows: w, Inputs: []Input{{Keys: 1, Gap: -1, Value: 2, Evict: 2, Late: 0, Calls: []Call{
		{Function: agg.CountRows()},
		{Function: sum, Inputs: []int{1}},
		{Function: most, Inputs: []int{1}},
		{Function: agg.CollectOf(columnar.Int64Type), Inputs: []int{1}},
	}}}}
}

func batchOf(events []event) columnar.Batch {
	b := columnar.Batch{Schema: eventSchema, Len: len(events)}
	var ks, vs []int64
	var levels []float64
	for _, e := range events {
		ks, vs, b.Time, levels = append(ks, e.key), append(vs, e.value), append(b.Time, e.at), append(levels, float64(e.value))
	}
	b.Columns = []columnar.Column{
		columnar.Of(columnar.Int64Type, ks, columnar.Bitmap{}), columnar.Of(columnar.Int64Type, vs, columnar.Bitmap{}),
		columnar.Of(columnar.Float64Type, levels, columnar.Bitmap{}),
	}
	return b
}

// clock is a processing time that tests set.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// job is an operator in several tasks.
type job struct {
	t      *testing.T
	spec   Spec
	random *rand.Rand
	tasks  []*testTask
	clock  *clock
	got    []string
	late   int
	stores func(*testTask) func(keys []columnar.Field) (state.Store, error)
	sorted bool // values are listed in their order
	batch  bool // the job is not a streaming one
	before int  // tasks of the first of two steps; 0: there is one step
	fronts []*front
}

type testTask struct {
	op     stream.Operator
	env    *stream.Env
	alarm  time.Time
	owing  bool
	groups state.Groups
}

const testGroups = 64

// start makes the tasks.
func (j *job) start(tasks int) {
	j.t.Helper()
	j.tasks = nil
	spec, schemas := j.spec, j.schemas()
	if j.before > 0 {
		j.startFronts()
		spec.States, schemas = true, []*columnar.Schema{j.fronts[0].op.schema}
	}
	for i := range tasks {
		task := &testTask{op: New(spec), env: optest.NewEnv(j.t, 0, schemas...), groups: state.Share(i, tasks, testGroups)}
		task.env.Task, task.env.Tasks, task.env.IsStreaming = i, tasks, !j.batch
		task.env.Groups, task.env.Clock = task.groups, j.clock
		task.env.SetAlarm = func(at time.Time) { task.alarm = at }
		if j.stores != nil {
			task.env.NewStore = j.stores(task)
		}
		if err := task.op.Open(task.env); err != nil {
			j.t.Fatal(err)
		}
		j.tasks = append(j.tasks, task)
	}
}

func (j *job) schemas() []*columnar.Schema {
	out := make([]*columnar.Schema, len(j.spec.Inputs))
	for i := range out {
		out[i] = eventSchema
	}
	return out
}

// taken is the output of one call.
type taken struct {
	job  *job
	room int
}

func (o *taken) Emit(b columnar.Batch) {
	o.room--
	o.job.got = append(o.job.got, paneTexts(b, o.job.sorted)...)
}

func (o *taken) EmitSide(_ int, b columnar.Batch) error {
	o.job.late += b.Rows()
	return nil
}

func (o *taken) Room() int { return max(0, o.room) }

// settle has a task pay what it owes; with early it may stop before.
func (j *job) settle(task *testTask, early bool) {
	j.t.Helper()
	for task.owing {
		if early && j.random.IntN(3) == 0 {
			return
		}
		more, err := task.op.(stream.Resumer).Resume(&taken{j, 1})
		if err != nil {
			j.t.Fatal(err)
		}
		task.owing = more
	}
}

// process gives events to the tasks of their keys.
func (j *job) process(input int, events []event) {
	j.t.Helper()
	if j.before > 0 {
		j.gather(events)
		return
	}
	b := batchOf(events)
	hashes := make([]uint64, len(events))
	keys.Hash(b.Columns[:1], nil, b.Len, hashes)
	for _, task := range j.tasks {
		var mine []event
		for i, e := range events {
			if task.groups.Has(task.groups.Of(hashes[i])) {
				mine = append(mine, e)
			}
		}
		if len(mine) == 0 {
			continue
		}
		j.settle(task, false)
		b, poison := j.dress(mine)
		if err := task.op.Process(input, b, &taken{j, 1}); err != nil {
			j.t.Fatal(err)
		}
		task.owing = true
		j.settle(task, false)
		poison()
	}
}

// dress returns events as a batch: as they are, or as a slice of a larger one, selected among rows that do not count. poison overwrites it.
func (j *job) dress(events []event) (b columnar.Batch, poison func()) {
	j.t.Helper()
	var rows []event
	sel := []int32{}
	other := func() event { return event{j.random.Int64N(99), j.random.Int64N(1000), -1 << 40} }
	selects := j.random.IntN(2) == 0
	for _, e := range events {
		for selects && j.random.IntN(2) == 0 {
			rows = append(rows, other())
		}
		sel = append(sel, int32(len(rows)))
		rows = append(rows, e)
	}
	whole := batchOf(append([]event{other()}, rows...))
	b = whole.Slice(1, len(rows))
	if selects {
		b.Sel = sel
	}
	return b, func() {
		for i := range whole.Len {
			for c := range 2 {
				columnar.Values[int64](whole.Columns[c])[i] = -777
			}
			columnar.Values[float64](whole.Columns[2])[i] = -777
			whole.Time[i] = -777
		}
		for i := range sel {
			sel[i] = -1
		}
	}
}

// advance moves the watermark of all tasks; with early they may owe afterwards.
func (j *job) advance(mark int64, early bool) {
	j.t.Helper()
	for _, f := range j.fronts {
		f.watermark(mark)
	}
	j.raise(mark, early)
}

// raise is advance for the tasks of the second step, or the only one.
func (j *job) raise(mark int64, early bool) {
	j.t.Helper()
	for _, task := range j.tasks {
		j.settle(task, false)
		if err := task.op.(stream.Timed).Advance(stream.Watermark(mark), &taken{j, 1}); err != nil {
			j.t.Fatal(err)
		}
		task.owing = true
		j.settle(task, early)
	}
}

// pass moves the processing time.
func (j *job) pass(now time.Time) {
	j.t.Helper()
	j.clock.now = now
	for _, task := range j.tasks {
		for !task.alarm.IsZero() && !task.alarm.After(now) {
			task.alarm = time.Time{}
			j.settle(task, false)
			if err := task.op.(stream.Alarmed).Alarm(now, &taken{j, 1}); err != nil {
				j.t.Fatal(err)
			}
			task.owing = true
			j.settle(task, false)
		}
	}
}

// restart takes a snapshot of all tasks and goes on with it in others.
func (j *job) restart(tasks int) {
	j.t.Helper()
	j.closeFronts()
	old := j.tasks
	var frozen []state.Frozen
	for _, task := range old {
		f, err := task.op.(stream.Stateful).Snapshot(1)
		if err != nil {
			j.t.Fatal(err)
		}
		frozen = append(frozen, f)
	}
	before := j.got
	for _, task := range old { // what comes after the snapshot must not change it
		j.settle(task, false)
		if t, ok := task.op.(stream.Timed); ok {
			_ = t.Advance(stream.EndOfTime, &taken{j, 1})
			task.owing = true
			j.settle(task, false)
		}
	}
	j.got = before
	j.start(tasks)
	for i, f := range frozen {
		j.restore(f)
		f.Release()
		if err := old[i].op.Close(); err != nil {
			j.t.Fatal(err)
		}
	}
}

// restore gives the rows of one old task to the new ones that own them.
func (j *job) restore(f state.Frozen) {
	j.t.Helper()
	for i, table := range f.Tables() {
		for rows, err := range f.Read(context.Background(), i) {
			if err != nil {
				j.t.Fatal(err)
			}
			for _, task := range j.tasks {
				if table.Distribution == state.Keyed && !task.groups.Has(rows.Group) {
					continue
				}
				if err := task.op.(stream.Stateful).Restore(i, rows.Batch.Clone()); err != nil {
					j.t.Fatal(err)
				}
			}
		}
	}
}

// stop ends the input.
func (j *job) stop() {
	j.t.Helper()
	j.closeFronts()
	j.fronts = nil
	j.advance(int64(stream.EndOfTime), false)
	for _, task := range j.tasks {
		if err := task.op.EndInput(0, &taken{j, 1}); err != nil {
			j.t.Fatal(err)
		}
		task.owing = true
		j.settle(task, false)
		if err := task.op.Close(); err != nil {
			j.t.Fatal(err)
		}
	}
}
