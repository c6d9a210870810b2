package eventtime

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/watermark"
)

var timed = columnar.NewSchema(columnar.Field{Name: "$0.value", Type: columnar.TimestampType}, columnar.Field{Name: "n", Type: columnar.Int64Type})

var marked = columnar.NewSchema(columnar.Field{Name: "$0.value", Type: columnar.TimestampType},
	columnar.Field{Name: "$1.value", Type: columnar.TimestampType, Nullable: true}, columnar.Field{Name: "n", Type: columnar.Int64Type})

// rows are rows of timed, numbered.
func rows(times ...int64) columnar.Batch {
	n := make([]int64, len(times))
	for i := range n {
		n[i] = int64(i)
	}
	return columnar.Batch{Schema: timed, Len: len(times), Columns: []columnar.Column{
		columnar.Of(columnar.TimestampType, times, columnar.Bitmap{}), columnar.Of(columnar.Int64Type, n, columnar.Bitmap{}),
	}}
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// output keeps what is emitted.
type output struct{ main, side []columnar.Batch }

func (o *output) Emit(b columnar.Batch) { o.main = append(o.main, b) }

func (o *output) EmitSide(_ int, b columnar.Batch) error {
	o.side = append(o.side, b.Clone())
	return nil
}

func (*output) Room() int { return 1 }

type fixture struct {
	op    *Operator
	env   *stream.Env
	clock *clock
	alarm time.Time
	out   output
}

func open(t *testing.T, s Spec, schema *columnar.Schema) *fixture {
	t.Helper()
	f := &fixture{op: New(s), clock: &clock{time.UnixMicro(1_000_000)}, env: optest.NewEnv(t, 0, schema)}
	f.env.Clock, f.env.SetAlarm = f.clock, func(at time.Time) { f.alarm = at }
	if err := f.op.Open(f.env); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) process(t *testing.T, b columnar.Batch) columnar.Batch {
	t.Helper()
	if err := f.op.Process(0, b, &f.out); err != nil {
		t.Fatal(err)
	}
	return f.out.main[len(f.out.main)-1]
}

func (f *fixture) expect(t *testing.T, want stream.Watermark) {
	t.Helper()
	if w, idle := f.op.Mark(); w != want || idle {
		t.Errorf("watermark %d, idle %v; want %d", w, idle, want)
	}
}

func TestTimesAndWatermark(t *testing.T) {
	f := open(t, Spec{Strategy: watermark.Bounded(5 * time.Microsecond), Columns: 1}, timed)
	b := rows(100, 300, 200)
	b.Sel = []int32{0, 2}
	got := f.process(t, b)
	if !slices.Equal(got.Time, []int64{100, 300, 200}) || len(got.Columns) != 1 || got.Schema.Fields[0].Name != "n" || got.Rows() != 2 {
		t.Errorf("got %v of %s", got.Time, got.Schema)
	}
	f.expect(t, 194) // the row that does not count does not count
}

func TestPunctuated(t *testing.T) {
	s := watermark.Punctuated(func(int64) (time.Time, bool) { return time.Time{}, false })
	f := open(t, Spec{Strategy: s, Columns: 2}, marked)
	b := rows(100, 300, 200)
	valid := columnar.NewBitmap(3)
	valid.Set(2)
	b.Schema = marked
	b.Columns = []columnar.Column{b.Columns[0], columnar.Of(columnar.TimestampType, []int64{900, 900, 150}, valid), b.Columns[1]}
	f.process(t, b)
	f.expect(t, 149)
}

// A batch of nothing but rows far in the future has no row that counts.
func TestAllFarFuture(t *testing.T) {
	f := open(t, Spec{Strategy: watermark.Monotonous().FarFuture(watermark.Aside, time.Microsecond), Columns: 1}, timed)
	if err := f.op.Process(0, rows(f.clock.now.UnixMicro()+50), &f.out); err != nil {
		t.Fatal(err)
	}
	if n := f.out.main[0].Rows(); n != 0 || len(f.out.side) != 1 {
		t.Errorf("%d rows, %d batches aside", n, len(f.out.side))
	}
	if w, _ := f.op.Mark(); w != stream.NoWatermark {
		t.Errorf("the watermark is %d", w)
	}
}

func TestFarFuture(t *testing.T) {
	now := int64(1_000_000)
	for policy, want := range map[watermark.Future][]int64{
		watermark.Trust: {now, now + 50, now + 10}, watermark.Cap: {now, now + 10, now + 10}, watermark.Aside: {now, now + 10},
	} {
		f := open(t, Spec{Strategy: watermark.Monotonous().FarFuture(policy, 10*time.Microsecond), Columns: 1}, timed)
		got := f.process(t, rows(now, now+50, now+10))
		var times []int64
		for i := range got.Rows() {
			times = append(times, got.Time[got.Row(i)])
		}
		if !slices.Equal(times, want) {
			t.Errorf("%s: times %v, want %v", policy, times, want)
		}
		f.expect(t, stream.Watermark(slices.Max(want)-1))
		if aside := len(f.out.side) > 0; aside != (policy == watermark.Aside) {
			t.Errorf("%s: rows put aside: %v", policy, aside)
		}
		if policy == watermark.Aside && f.out.side[0].Time[0] != now+50 {
			t.Errorf("put aside %v", f.out.side[0].Time)
		}
	}
	f := open(t, Spec{Strategy: watermark.Monotonous().FarFuture(watermark.Refuse, time.Hour), Columns: 1}, timed)
	err := f.op.Process(0, rows(time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()), &f.out)
	if err == nil || !strings.Contains(err.Error(), "3000-01-01") {
		t.Errorf("error %v", err)
	}
}

func TestIdleByAlarm(t *testing.T) {
	f := open(t, Spec{Strategy: watermark.Monotonous().Idle(time.Second), Columns: 1, BySplit: true}, timed)
	f.op.AddSplit("a")
	f.op.AddSplit("b")
	f.op.UseSplit("a")
	f.process(t, rows(100))
	f.clock.now = f.clock.now.Add(500 * time.Millisecond)
	f.process(t, rows(200))
	if want := time.UnixMicro(2_000_000); !f.alarm.Equal(want) {
		t.Fatalf("alarm at %s, want %s", f.alarm, want)
	}
	f.expect(t, stream.NoWatermark)
	f.clock.now = f.alarm
	if err := f.op.Alarm(f.clock.now, &f.out); err != nil {
		t.Fatal(err)
	}
	f.expect(t, 199) // b is idle
	if s := f.op.Splits(); !s[1].Idle || !s[0].Holds {
		t.Errorf("splits %+v", s)
	}
	f.op.EndSplit("a")
	f.op.EndSplit("b")
	f.expect(t, 199)
}

func TestIngestion(t *testing.T) {
	f := open(t, Spec{Strategy: watermark.Monotonous()}, columnar.NewSchema(timed.Fields[1]))
	b := rows(1, 2)
	b.Schema, b.Columns = columnar.NewSchema(timed.Fields[1]), b.Columns[1:]
	if got := f.process(t, b); !slices.Equal(got.Time, []int64{1_000_000, 1_000_000}) {
		t.Errorf("times %v", got.Time)
	}
	f.expect(t, 999_999)
	f.clock.now = time.UnixMicro(500_000) // the clock goes back
	if got := f.process(t, b); got.Time[0] != 1_000_000 {
		t.Errorf("time %d is late", got.Time[0])
	}
	f.expect(t, 999_999)
}

func TestRestore(t *testing.T) {
	spec := Spec{Strategy: watermark.Bounded(time.Microsecond), Columns: 1, BySplit: true}
	old := open(t, spec, timed)
	for _, id := range []string{"a", "b"} {
		old.op.AddSplit(id)
		old.op.UseSplit(id)
		old.process(t, rows(100))
	}
	old.process(t, rows(200))
	frozen, err := old.op.Snapshot(1)
	if err != nil {
		t.Fatal(err)
	}
	old.process(t, rows(900))
	f := open(t, spec, timed)
	if tables, _ := f.op.Tables(nil); len(tables) != 1 || tables[0].Distribution != state.Union {
		t.Fatalf("tables %v", tables)
	}
	for r, err := range frozen.Read(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if err := f.op.Restore(0, r.Batch); err != nil {
			t.Fatal(err)
		}
	}
	frozen.Release()
	f.op.AddSplit("b")
	f.expect(t, 198)
	f.op.AddSplit("a")
	f.op.UseSplit("a")
	f.process(t, rows(50))
	f.expect(t, 198)
	if marks := f.op.Splits(); marks[1].Mark != 98 {
		t.Errorf("splits %+v", marks)
	}
}

// Where rows of several splits have been mixed, one generator sees them all: splits that come and go change nothing.
func TestMixedSplits(t *testing.T) {
	f := open(t, Spec{Strategy: watermark.Bounded(5 * time.Microsecond), Columns: 1}, timed)
	f.op.AddSplit("a")
	f.op.AddSplit("b")
	f.op.UseSplit("a")
	f.process(t, rows(100))
	f.expect(t, 94)
	f.op.UseSplit("b")
	f.process(t, rows(200))
	f.expect(t, 194)
	f.op.EndSplit("a")
	f.op.EndSplit("b")
	f.expect(t, 194)
}
