package async_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/operator/async"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type query struct{ N int64 }

type answer struct {
	N    int64
	Text string
}

func batchOf[T any](t testing.TB, at int64, records ...T) columnar.Batch {
	t.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	var times []int64
	for i, r := range records {
		e.Append(r)
		times = append(times, at+int64(i))
	}
	columns, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return columnar.Batch{Schema: c.Schema(), Columns: columns, Len: len(records), Time: times}
}

// driver is a task with one operator. Its log has the answers' numbers, and "|w" for each watermark that passes.
type driver struct {
	t      testing.TB
	op     *async.Operator
	posted chan func(stream.Output) error
	done   chan struct{}
	log    []string
	times  []int64
	marked stream.Watermark
	err    error
	bad    []string
}

type output struct{ d *driver }

func (o output) Emit(b columnar.Batch) {
	c, _ := codec.Of[answer]()
	dec, err := c.Decoder(b.Schema)
	if err != nil {
		o.d.t.Fatal(err)
	}
	all, err := dec.Decode(b, nil)
	if err != nil {
		o.d.t.Fatal(err)
	}
	for _, a := range all {
		o.d.log = append(o.d.log, fmt.Sprint(a.N))
	}
	o.d.times = append(o.d.times, b.Time...)
}
func (output) EmitSide(int, columnar.Batch) error { return nil }
func (output) Room() int                          { return 1 }

func open(t testing.TB, f func(context.Context, query) (answer, error), s process.RequestSettings, skip bool) *driver {
	t.Helper()
	r, err := process.OfRequests(f)
	if err != nil {
		t.Fatal(err)
	}
	d := &driver{t: t, op: async.New(r, s), posted: make(chan func(stream.Output) error, 16), done: make(chan struct{}), marked: stream.NoWatermark}
	env := optest.NewEnv(t, 0, batchOf[query](t, 0).Schema)
	env.Context = context.WithoutCancel(t.Context())
	env.Post = func(f func(stream.Output) error) bool {
		select {
		case d.posted <- f:
			return true
		case <-d.done:
			return false
		}
	}
	env.Bad = func(b stream.Bad) error {
		d.bad = append(d.bad, b.Record)
		if skip {
			return nil
		}
		return b.Reason
	}
	if err := d.op.Open(env); err != nil {
		t.Fatal(err)
	}
	return d
}

// settle does what a task does after each call.
func (d *driver) settle() {
	for more := true; more && d.err == nil; {
		more, d.err = d.op.Resume(output{d})
	}
	if w, _ := d.op.Mark(); w > d.marked {
		d.marked = w
		d.log = append(d.log, fmt.Sprintf("|%d", w))
	}
}

func (d *driver) push(b columnar.Batch) {
	d.t.Helper()
	for !d.op.Wants().Has(0) {
		d.wait()
	}
	d.err = errors.Join(d.err, d.op.Process(0, b, output{d}))
	d.settle()
}

func (d *driver) advance(w int64) {
	d.err = errors.Join(d.err, d.op.Advance(stream.Watermark(w), output{d}))
	d.settle()
}

// wait takes one answer.
func (d *driver) wait() {
	d.err = errors.Join(d.err, (<-d.posted)(output{d}))
	d.settle()
}

// end takes all answers.
func (d *driver) end() {
	d.t.Helper()
	for d.op.IsWaiting() && d.err == nil {
		d.wait()
	}
	d.close()
}

func (d *driver) close() {
	d.t.Helper()
	close(d.done)
	if err := d.op.Close(); err != nil {
		d.t.Fatal(err)
	}
}

// after answers after a number of milliseconds that the record's number chooses.
func after(ctx context.Context, q query) (answer, error) {
	select {
	case <-time.After(time.Duration(q.N*7919%23) * time.Millisecond):
		return answer{q.N, fmt.Sprint(q.N)}, nil
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

func queries(from, n int64) []query {
	out := make([]query, n)
	for i := range out {
		out[i].N = from + int64(i)
	}
	return out
}

func TestOrdered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, after, process.RequestSettings{Capacity: 5}, false)
		d.push(batchOf(t, 100, queries(0, 20)...))
		d.advance(119)
		d.push(batchOf(t, 120, queries(20, 20)...))
		d.advance(139)
		d.end()
		if d.err != nil || !slices.Equal(d.answers(), numbers(40)) {
			t.Errorf("%v, error %v", d.log, d.err)
		}
		for i, at := range d.times {
			if at != int64(100+i) {
				t.Errorf("answer %d has the time %d", i, at)
			}
		}
		d.checkMarks(119, 20, 139, 40)
	})
}

// answers returns the log without watermarks.
func (d *driver) answers() []string {
	return slices.DeleteFunc(slices.Clone(d.log), func(s string) bool { return s[0] == '|' })
}

// numbers returns "0" to n-1.
func numbers(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(i)
	}
	return out
}

// checkMarks fails the test when a watermark has passed before the answers to the records before it: marks are pairs of watermark and number of
// such records.
func (d *driver) checkMarks(marks ...int) {
	d.t.Helper()
	for i := 0; i < len(marks); i += 2 {
		at := slices.Index(d.log, fmt.Sprintf("|%d", marks[i]))
		if at < 0 {
			if i+2 == len(marks) {
				d.t.Errorf("the watermark %d has not passed: %v", marks[i], d.log)
			}
			continue // a later one has come with it
		}
		for _, n := range numbers(marks[i+1]) {
			if !slices.Contains(d.log[:at], n) {
				d.t.Errorf("the watermark %d passes before answer %s: %v", marks[i], n, d.log)
			}
		}
	}
}

// Answers that come as they come are not overtaken by watermarks.
func TestUnordered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, after, process.RequestSettings{Capacity: 7, Unordered: true}, false)
		for i := range int64(4) {
			d.push(batchOf(t, 10*i, queries(10*i, 10)...))
			d.advance(10*i + 9)
		}
		d.end()
		if d.err != nil {
			t.Fatal(d.err)
		}
		if slices.Equal(d.answers(), numbers(40)) {
			t.Error("the answers are in order: nothing is tested")
		}
		d.checkMarks(9, 10, 19, 20, 29, 30, 39, 40)
	})
}

func TestCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		d := open(t, func(ctx context.Context, q query) (answer, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			return after(ctx, q)
		}, process.RequestSettings{Capacity: 3}, false)
		d.push(batchOf(t, 0, queries(0, 50)...))
		if d.op.Wants() != 0 {
			t.Error("it takes more while records wait")
		}
		d.end()
		if most.Load() != 3 || len(d.log) != 50 {
			t.Errorf("%d requests at a time, %d answers", most.Load(), len(d.log))
		}
	})
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		start := time.Now()
		d := open(t, func(_ context.Context, q query) (answer, error) {
			if calls.Add(1) < 4 {
				return answer{}, errors.New("not now")
			}
			return answer{N: q.N}, nil
		}, process.RequestSettings{Retry: process.Retry{Attempts: 4, Backoff: time.Second, Most: 2 * time.Second}}, false)
		d.push(batchOf(t, 0, query{8}))
		d.end()
		if took := time.Since(start); d.err != nil || !slices.Equal(d.log, []string{"8"}) || took < 3750*time.Millisecond || took > 6250*time.Millisecond {
			t.Errorf("%v after %v, error %v", d.log, took, d.err)
		}
	})
}

var errNever = errors.New("never")

func TestFailures(t *testing.T) {
	slow := func(ctx context.Context, q query) (answer, error) {
		if q.N != 1 {
			return answer{N: q.N}, nil
		}
		<-ctx.Done()
		return answer{}, ctx.Err()
	}
	fails := func(_ context.Context, q query) (answer, error) {
		if q.N == 1 {
			return answer{}, errNever
		}
		return answer{N: q.N}, nil
	}
	panics := func(_ context.Context, q query) (answer, error) {
		if q.N == 1 {
			panic("oh")
		}
		return answer{N: q.N}, nil
	}
	for _, c := range []struct {
		name string
		f    func(context.Context, query) (answer, error)
		want string
	}{{"timeout", slow, "took longer"}, {"error", fails, "never"}, {"panic", panics, "panic: oh"}} {
		for _, skip := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/skip=%t", c.name, skip), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := open(t, c.f, process.RequestSettings{Timeout: time.Second, Retry: process.Retry{Attempts: 3, If: func(err error) bool { return false }}}, skip)
					d.push(batchOf(t, 0, queries(0, 3)...))
					d.end()
					switch {
					case skip && (d.err != nil || !slices.Equal(d.log, []string{"0", "2"}) || len(d.bad) != 1):
						t.Errorf("%v, bad %v, error %v", d.log, d.bad, d.err)
					case !skip && (d.err == nil || !strings.Contains(d.err.Error(), c.want)):
						t.Errorf("error %v", d.err)
					}
				})
			})
		}
	}
}

// A snapshot may be taken anywhere: what came out before it and what comes out of an operator that is restored from it are the whole.
func TestSnapshots(t *testing.T) {
	for _, unordered := range []bool{false, true} {
		for steps := range 30 {
			synctest.Test(t, func(t *testing.T) {
				s := process.RequestSettings{Capacity: 4, Unordered: unordered}
				d := open(t, after, s, false)
				d.push(batchOf(t, 0, queries(0, 9)...))
				d.advance(8)
				if steps > 9 {
					d.push(batchOf(t, 9, queries(9, 9)...))
				}
				for range min(steps, 9) + max(0, steps-21) {
					if d.op.IsWaiting() {
						d.wait()
					}
				}
				frozen, err := d.op.Snapshot(1)
				if err != nil {
					t.Fatal(err)
				}
				if d.err != nil {
					t.Fatal(d.err)
				}
				d.close()
				next := open(t, after, s, false)
				for rows, err := range frozen.Read(t.Context(), 0) {
					if err != nil {
						t.Fatal(err)
					}
					if !rows.Batch.Schema.Equal(frozen.Tables()[0].Schema()) {
						t.Error("the rows have another schema than the table")
					}
					if err := next.op.Restore(0, rows.Batch); err != nil {
						t.Fatal(err)
					}
				}
				frozen.Release()
				if steps <= 9 {
					next.push(batchOf(t, 9, queries(9, 9)...))
				}
				next.end()
				got := map[string]int{}
				for _, n := range slices.Concat(d.answers(), next.answers()) {
					got[n]++
				}
				if len(got) != 18 {
					t.Errorf("unordered %t, %d steps: %v and then %v", unordered, steps, d.log, next.log)
				}
				for n, times := range got {
					if times != 1 {
						t.Errorf("unordered %t, %d steps: answer %s came %d times", unordered, steps, n, times)
					}
				}
				for i, at := range next.times {
					if fmt.Sprint(at) != next.log[i] {
						t.Errorf("answer %s has the time %d", next.log[i], at)
					}
				}
			})
		}
	}
}

func TestClosedEarly(t *testing.T) {
	d := open(t, func(ctx context.Context, _ query) (answer, error) {
		<-ctx.Done()
		return answer{}, ctx.Err()
	}, process.RequestSettings{}, false)
	d.push(batchOf(t, 0, queries(0, 300)...))
	d.close()
	if err := async.New(process.Requests{}, process.RequestSettings{}).Close(); err != nil {
		t.Error(err)
	}
}

func TestTable(t *testing.T) {
	r, err := process.OfRequests(after)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := async.New(r, process.RequestSettings{}).Tables(nil)
	if err != nil || len(tables) != 1 || tables[0].Distribution != state.Spread || len(tables[0].Schema().Fields) != 2 {
		t.Errorf("%+v, %v", tables, err)
	}
}

func BenchmarkAsync(b *testing.B) {
	b.ReportAllocs()
	in := batchOf(b, 0, queries(0, 8192)...)
	for b.Loop() {
		d := open(b, func(_ context.Context, q query) (answer, error) { return answer{N: q.N}, nil }, process.RequestSettings{Capacity: 64}, false)
		d.push(in)
		d.end()
	}
	b.ReportMetric(float64(8192*b.N)/b.Elapsed().Seconds(), "rows/s")
}
