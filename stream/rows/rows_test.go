package rows_test

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/stream/rows"
)

// numbers makes a batch of one int64 column; the times are ten times the values.
func numbers(values []int64) columnar.Batch {
	b := columnar.Batch{
		Schema:  columnar.NewSchema(columnar.Field{Name: "value", Type: columnar.Int64Type}),
		Columns: []columnar.Column{columnar.Of(columnar.Int64Type, slices.Clone(values), columnar.Bitmap{})}, Len: len(values),
	}
	for _, v := range values {
		b.Time = append(b.Time, 10*v)
	}
	return b
}

func records[T any](t testing.TB) rows.Tail {
	t.Helper()
	tail, err := rows.Records[T]()
	if err != nil {
		t.Fatal(err)
	}
	return tail
}

// drive runs a program over batches and returns the values and times that come out, in order.
func drive(t testing.TB, p rows.Program, batches []columnar.Batch) (values, times []int64, err error) {
	t.Helper()
	fail := func(_ string, _ any, err error) error { return err }
	r, err := p.Bind(batches[0].Schema, rows.Task{Bad: fail})
	if err != nil {
		t.Fatal(err)
	}
	take := func() {
		b, err := r.Take()
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, columnar.Values[int64](b.Columns[0])...)
		times = append(times, b.Time...)
	}
	for _, b := range batches {
		if err := r.Load(b); err != nil {
			t.Fatal(err)
		}
		for more := true; more; {
			if more, err = r.Run(); err != nil {
				return values, times, err
			}
			if more || r.IsFull() {
				take()
			}
		}
	}
	if r.Len() > 0 {
		take()
	}
	return values, times, nil
}

func repeat(v int64) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for range v % 5 {
			if !yield(v) {
				return
			}
		}
	}
}

// TestFusedIsUnfused checks that a fused program gives what its parts give one after the other, in the same order and with the same
// event times, whatever the batches are.
func TestFusedIsUnfused(t *testing.T) {
	square := rows.Program{Stages: []rows.Stage{rows.Map(func(v int64) int64 { return v * v })}, Tail: records[int64](t)}
	odd := rows.Program{Stages: []rows.Stage{rows.Filter(func(v int64) bool { return v%2 != 0 })}, Tail: records[int64](t)}
	many := rows.Program{Stages: []rows.Stage{rows.FlatMap(repeat)}, Tail: records[int64](t)}
	fused := rows.Fuse(rows.Fuse(square, odd), many)
	rapid.Check(t, func(rt *rapid.T) {
		var batches []columnar.Batch
		var want, wantTimes []int64
		for range rapid.IntRange(1, 4).Draw(rt, "batches") {
			values := rapid.SliceOfN(rapid.Int64Range(0, 1000), 0, 3000).Draw(rt, "values")
			batches = append(batches, numbers(values))
			for _, v := range values {
				if v%2 != 0 {
					for range v * v % 5 {
						want, wantTimes = append(want, v*v), append(wantTimes, 10*v)
					}
				}
			}
		}
		got, times, err := drive(t, fused, batches)
		if err != nil || !slices.Equal(got, want) || !slices.Equal(times, wantTimes) {
			rt.Fatalf("got %d values, want %d; error %v", len(got), len(want), err)
		}
	})
}

// TestOutputIsBounded checks that a function that makes much of little is stopped between records, not after the batch.
func TestOutputIsBounded(t *testing.T) {
	many := rows.Program{Stages: []rows.Stage{rows.FlatMap(func(v int64) iter.Seq[int64] {
		return func(yield func(int64) bool) {
			for range 1000 {
				if !yield(v) {
					return
				}
			}
		}
	})}, Tail: records[int64](t)}
	in := numbers(make([]int64, 5000))
	r, err := many.Bind(in.Schema, rows.Task{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Load(in); err != nil {
		t.Fatal(err)
	}
	total := 0
	for more := true; more; {
		if more, err = r.Run(); err != nil {
			t.Fatal(err)
		}
		if r.Len() > columnar.DefaultRows+16*1000 {
			t.Fatalf("%d records in one output", r.Len())
		}
		total += r.Len()
		if _, err := r.Take(); err != nil {
			t.Fatal(err)
		}
	}
	if total != 5_000_000 {
		t.Errorf("%d records", total)
	}
}

var errOdd = errors.New("odd")

// TestTimesAreOptional checks that records of batches with and without event times may be collected in one.
func TestTimesAreOptional(t *testing.T) {
	timed, untimed := numbers([]int64{1, 2}), numbers([]int64{3, 4})
	untimed.Time = nil
	for name, s := range map[string]rows.Stage{
		"one for each": rows.Map(func(v int64) int64 { return v }),
		"some for each": rows.FlatMap(func(v int64) iter.Seq[int64] {
			return func(yield func(int64) bool) { yield(v) }
		}),
	} {
		for i, c := range []struct {
			batches []columnar.Batch
			want    []int64
		}{
			{[]columnar.Batch{timed, untimed}, []int64{10, 20, columnar.NoTime, columnar.NoTime}},
			{[]columnar.Batch{untimed, timed}, []int64{columnar.NoTime, columnar.NoTime, 10, 20}},
			{[]columnar.Batch{untimed, untimed}, nil},
		} {
			_, times, err := drive(t, rows.Program{Stages: []rows.Stage{s}, Tail: records[int64](t)}, c.batches)
			if err != nil || !slices.Equal(times, c.want) {
				t.Errorf("%s, case %d: times %v, want %v (error %v)", name, i, times, c.want, err)
			}
		}
	}
}

func TestParse(t *testing.T) {
	halve := rows.Program{Stages: []rows.Stage{rows.Parse(func(v int64) (int64, error) {
		if v%2 != 0 {
			return 0, errOdd
		}
		return v / 2, nil
	})}, Tail: records[int64](t)}
	in := numbers([]int64{2, 3, 4, 5})
	var refused []any
	r, err := halve.Bind(in.Schema, rows.Task{Bad: func(_ string, record any, err error) error {
		refused = append(refused, record)
		if len(refused) > 1 {
			return err
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Load(in); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(); !errors.Is(err, errOdd) {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(refused, []any{int64(3), int64(5)}) {
		t.Errorf("refused %v", refused)
	}
}

// TestKeysBesideRecords checks the tail that puts selected columns before the record, both where columns are passed on and where functions
// run before it.
func TestKeysBesideRecords(t *testing.T) {
	key, err := codec.Select(func(v int64) int64 { return -v })
	if err != nil {
		t.Fatal(err)
	}
	tail, err := rows.Selected(true, key)
	if err != nil {
		t.Fatal(err)
	}
	same := rows.Map(func(v int64) int64 { return v })
	in := numbers([]int64{1, 2, 3, 4})
	in.Sel = []int32{1, 3}
	for name, p := range map[string]rows.Program{"passed on": {Tail: tail}, "encoded": {Stages: []rows.Stage{same}, Tail: tail}} {
		r, err := p.Bind(in.Schema, rows.Task{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Load(in); err != nil {
			t.Fatal(err)
		}
		if more, err := r.Run(); more || err != nil {
			t.Fatal(more, err)
		}
		b, err := r.Take()
		if err != nil {
			t.Fatal(err)
		}
		keys, values := columnar.Values[int64](b.Columns[0]), columnar.Values[int64](b.Columns[1])
		if !slices.Equal(keys, []int64{-2, -4}) || !slices.Equal(values, []int64{2, 4}) || !slices.Equal(b.Time, []int64{20, 40}) {
			t.Errorf("%s: keys %v, values %v, times %v", name, keys, values, b.Time)
		}
	}
}

// TestWholeSeesEverythingOnce checks coroutines over a partition, for functions that read all, some or nothing.
func TestWholeSeesEverythingOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.SampledFrom([]int{0, 1, 7, 1 << 20}).Draw(rt, "read")
		w, err := rows.MapPartition(func(all iter.Seq[int64]) iter.Seq[int64] {
			return func(yield func(int64) bool) {
				n := 0
				for v := range all {
					if n++; n > limit || !yield(v) {
						return
					}
				}
			}
		})
		if err != nil {
			rt.Fatal(err)
		}
		var want, got []int64
		r, err := w.Bind(numbers(nil).Schema)
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		run := func() {
			for more := true; more; {
				more = r.Run()
				if r.IsFull() || r.IsDone() {
					b, err := r.Take()
					if err != nil {
						rt.Fatal(err)
					}
					got = append(got, columnar.Values[int64](b.Columns[0])...)
				}
			}
		}
		for range rapid.IntRange(0, 5).Draw(rt, "batches") {
			values := rapid.SliceOfN(rapid.Int64(), 0, 10000).Draw(rt, "values")
			want = append(want, values...)
			if err := r.Load(numbers(values)); err != nil {
				rt.Fatal(err)
			}
			run()
		}
		r.End()
		run()
		if want = want[:min(limit, len(want))]; !slices.Equal(got, want) {
			rt.Fatalf("got %d records, want %d", len(got), len(want))
		}
		if !r.IsDone() {
			rt.Fatal("the function has not returned")
		}
	})
}

func TestWhereNamesNodeAndRecord(t *testing.T) {
	s := rows.Map(func(v int64) int64 { return 1 / v })
	s.Node = "job.go:7: Map"
	p := rows.Program{Stages: []rows.Stage{s}, Tail: records[int64](t)}
	in := numbers([]int64{1, 1, 0})
	r, err := p.Bind(in.Schema, rows.Task{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Load(in); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil || !strings.Contains(r.Where(), "job.go:7: Map, record 2") {
			t.Errorf("it happened at %s", r.Where())
		}
	}()
	_, _ = r.Run()
}

// BenchmarkChain runs a fused Map, Filter, Map over records of four fields: no allocation a record.
func BenchmarkChain(b *testing.B) {
	type record struct {
		ID, Amount int64
		Name       string
		Price      float64
	}
	c, err := codec.Of[record]()
	if err != nil {
		b.Fatal(err)
	}
	e := c.Encoder()
	for i := range int64(columnar.DefaultRows) {
		e.Append(record{i, i % 100, "a name", float64(i)})
	}
	columns, err := e.Finish()
	if err != nil {
		b.Fatal(err)
	}
	in := columnar.Batch{Schema: c.Schema(), Columns: columns, Len: columnar.DefaultRows}
	p := rows.Program{Stages: []rows.Stage{
		rows.Map(func(r record) record { r.Amount++; return r }),
		rows.Filter(func(r record) bool { return r.Amount%2 == 0 }),
		rows.Map(func(r record) float64 { return r.Price * float64(r.Amount) }),
	}, Tail: records[float64](b)}
	r, err := p.Bind(in.Schema, rows.Task{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Load(in); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Run(); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Take(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*columnar.DefaultRows/b.Elapsed().Seconds(), "rows/s")
}

// TestTextsArePassedOn checks that the text of records that go through as they are is not copied, and that of others is right, over batches of all
// sizes with and without selections.
func TestTextsArePassedOn(t *testing.T) {
	type record struct {
		N    int64
		Text string
	}
	c, err := codec.Of[record]()
	if err != nil {
		t.Fatal(err)
	}
	plus := rows.Map(func(r record) record { return record{r.N + 1, r.Text} })
	some := rows.Filter(func(r record) bool { return r.N%10 != 0 || len(r.Text) == 0 })
	changed := rows.Map(func(r record) record {
		if r.N%1000 == 7 {
			r.Text = strings.ToUpper(r.Text)
		}
		return r
	})
	for name, p := range map[string]struct {
		stages []rows.Stage
		shares bool
		want   func(record) (record, bool)
	}{
		"all":     {[]rows.Stage{plus}, true, func(r record) (record, bool) { return record{r.N + 1, r.Text}, true }},
		"some":    {[]rows.Stage{some}, false, func(r record) (record, bool) { return r, r.N%10 != 0 || len(r.Text) == 0 }},
		"changed": {[]rows.Stage{changed}, false, func(r record) (record, bool) { return record{r.N, upperSeventh(r.N, r.Text)}, true }},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				r, err := rows.Program{Stages: p.stages, Tail: records[record](t)}.Bind(c.Schema(), rows.Task{})
				if err != nil {
					rt.Fatal(err)
				}
				var want, got []record
				decoder, err := c.Decoder(c.Schema())
				if err != nil {
					rt.Fatal(err)
				}
				take := func() columnar.Batch {
					b, err := r.Take()
					if err != nil {
						rt.Fatal(err)
					}
					more, err := decoder.Decode(b, nil)
					if err != nil {
						rt.Fatal(err)
					}
					got = append(got, more...)
					return b
				}
				n := int64(0)
				for range rapid.IntRange(1, 4).Draw(rt, "batches") {
					encoder := c.Encoder()
					for range rapid.IntRange(0, columnar.DefaultRows).Draw(rt, "rows") {
						v := record{n, strings.Repeat(string(rune('a'+n%26)), int(n%37))}
						n++
						encoder.Append(v)
						if v, ok := p.want(v); ok {
							want = append(want, v)
						}
					}
					size := encoder.Len()
					columns, err := encoder.Finish()
					if err != nil {
						rt.Fatal(err)
					}
					in := columnar.Batch{Schema: c.Schema(), Columns: columns, Len: size}
					if err := r.Load(in); err != nil {
						rt.Fatal(err)
					}
					began := r.Len() == 0
					for more := true; more; {
						if more, err = r.Run(); err != nil {
							rt.Fatal(err)
						}
						if more || r.IsWorthTaking() {
							whole := began && !more
							out := take()
							if whole && p.shares != shares(out, in) {
								rt.Fatalf("of %d rows: the text is shared: %v; want %v", out.Len, !p.shares, p.shares)
							}
							began = false
						}
					}
				}
				take()
				if !slices.Equal(got, want) {
					rt.Fatalf("got %d records, want %d", len(got), len(want))
				}
			})
		})
	}
}

func upperSeventh(n int64, text string) string {
	if n%1000 == 7 {
		return strings.ToUpper(text)
	}
	return text
}

// shares says whether the texts of two batches are the same memory.
func shares(a, b columnar.Batch) bool {
	x, y := a.Columns[1].Data, b.Columns[1].Data
	return len(x) > 0 && len(y) > 0 && &x[0] == &y[0]
}
