package keyed_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/operator/keyed"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/onekey"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/process"
)

type click struct {
	User string
	N    int64
}

type event struct {
	User  string
	What  string
	Count int64
}

// keyedBatch puts the key columns before the record's, as KeyBy does.
func keyedBatch[T any](t testing.TB, key func(T) string, records []T, times []int64) columnar.Batch {
	t.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	e := c.Encoder()
	k := columnar.NewBuilder(columnar.StringType, len(records))
	for _, r := range records {
		e.Append(r)
		k.AppendString(key(r))
	}
	columns, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	schema := columnar.NewSchema(append([]columnar.Field{{Name: "$0.value", Type: columnar.StringType}}, c.Schema().Fields...)...)
	return columnar.Batch{Schema: schema, Columns: append([]columnar.Column{k.Finish()}, columns...), Len: len(records), Time: times}
}

func clicks(t testing.TB, times []int64, records ...click) columnar.Batch {
	t.Helper()
	return keyedBatch(t, func(c click) string { return c.User }, records, times)
}

func decode[T any](t testing.TB, batches []columnar.Batch) (out []T, times []int64) {
	t.Helper()
	c, err := codec.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		d, err := c.Decoder(b.Schema)
		if err != nil {
			t.Fatal(err)
		}
		all, err := d.Decode(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, all...)
		for i := range all {
			if b.Time == nil {
				times = append(times, columnar.NoTime)
			} else {
				times = append(times, b.Time[b.Row(i)])
			}
		}
	}
	return out, times
}

// sessions counts a user's clicks until 100 microseconds have passed without one, and says so. It keeps all kinds of state.
type sessions struct {
	Count state.Value[int64]
	Last  state.Value[time.Time]  `state:"last"`
	Seen  state.Map[int64, int64] `state:"seen"`
	All   state.List[int64]       `state:"all"`
}

func (s *sessions) OnRecord(ctx *process.Context[string, event], c click) error {
	if ctx.Key() != c.User {
		return fmt.Errorf("key %q", ctx.Key())
	}
	n, _ := s.Count.Get()
	s.Count.Set(n + c.N)
	times, _ := s.Seen.Get(c.N)
	s.Seen.Put(c.N, times+1)
	s.All.Add(c.N)
	if last, ok := s.Last.Get(); ok {
		ctx.DeleteTimer(last.Add(100 * time.Microsecond))
	}
	if last, ok := s.Last.Get(); !ok || ctx.Time().After(last) {
		s.Last.Set(ctx.Time())
	}
	last, _ := s.Last.Get()
	ctx.SetTimer(last.Add(100 * time.Microsecond))
	ctx.SetTimer(last.Add(100 * time.Microsecond)) // is there once
	return nil
}

func (s *sessions) OnTimer(ctx *process.Context[string, event], at time.Time) error {
	if !at.Equal(ctx.Time()) {
		return errors.New("a timer's time is that of the context")
	}
	n, _ := s.Count.Get()
	sum := int64(0)
	for v := range s.All.All() {
		sum += v
	}
	kinds := int64(0)
	for range s.Seen.All() {
		kinds++
	}
	ctx.Emit(event{ctx.Key(), fmt.Sprintf("sum %d kinds %d", sum, kinds), n})
	s.Count.Clear()
	s.Last.Clear()
	s.Seen.Clear()
	s.All.Clear()
	return nil
}

func newSessions() stream.Operator {
	p, err := process.OfKeyed(func() *sessions { return &sessions{} })
	if err != nil {
		panic(err)
	}
	return keyed.New(p)
}

type step struct {
	records   []click
	times     []int64
	watermark int64
}

func script(seed uint64, n int) []step {
	r := rand.New(rand.NewPCG(seed, 9))
	var out []step
	now, w := int64(0), int64(-1)
	for range n {
		now += r.Int64N(60)
		if r.IntN(3) == 0 && now-30 > w {
			w = now - 30
			out = append(out, step{watermark: w})
			continue
		}
		s := step{}
		for range 1 + r.IntN(9) {
			s.records = append(s.records, click{fmt.Sprint("user", r.IntN(7)), r.Int64N(5)})
			s.times = append(s.times, now-r.Int64N(29)) // not late
		}
		out = append(out, s)
	}
	return out
}

// reference is the sessions' rule, over maps.
func reference(steps []step) []string {
	type session struct {
		last, count int64
		kinds       map[int64]bool
	}
	open := map[string]*session{}
	var out []string
	fire := func(w int64) {
		for user, s := range open {
			if s.last+100 <= w {
				out = append(out, fmt.Sprintf("%s sum %d kinds %d %d @%d", user, s.count, len(s.kinds), s.count, s.last+100))
				delete(open, user)
			}
		}
	}
	for _, s := range steps {
		if s.records == nil {
			fire(s.watermark)
		}
		for i, c := range s.records {
			o := open[c.User]
			if o == nil {
				o = &session{last: s.times[i], kinds: map[int64]bool{}}
				open[c.User] = o
			}
			o.last, o.count, o.kinds[c.N] = max(o.last, s.times[i]), o.count+c.N, true
		}
	}
	fire(1 << 60)
	return out
}

func events(t testing.TB, tasks ...*optest.Task) []string {
	t.Helper()
	var out []string
	for _, k := range tasks {
		all, times := decode[event](t, k.Out)
		for i, e := range all {
			out = append(out, fmt.Sprintf("%s %s %d @%d", e.User, e.What, e.Count, times[i]))
		}
	}
	return out
}

// share returns the rows of a batch whose keys a task owns.
func share(k *optest.Task, b columnar.Batch) columnar.Batch {
	hashes := make([]uint64, b.Len)
	keys.Hash(b.Columns[:1], nil, b.Len, hashes)
	b.Sel = []int32{}
	for i, h := range hashes {
		if k.Env.Groups.Has(k.Env.Groups.Of(h)) {
			b.Sel = append(b.Sel, int32(i))
		}
	}
	return b
}

func play(t testing.TB, steps []step, tasks ...*optest.Task) {
	t.Helper()
	for _, s := range steps {
		for _, k := range tasks {
			if s.records == nil {
				k.Advance(stream.Watermark(s.watermark))
			} else {
				k.Push(0, share(k, clicks(t, s.times, s.records...)))
			}
		}
	}
}

func TestStateAndTimers(t *testing.T) {
	for seed := range uint64(20) {
		steps := script(seed, 80)
		in := clicks(t, nil)
		k := optest.NewTask(t, newSessions(), in.Schema)
		play(t, steps, k)
		k.End()
		optest.CompareSets(t, events(t, k), reference(steps))
	}
}

// Snapshots before every step go on in another number of tasks as if nothing had been.
func TestSnapshots(t *testing.T) {
	steps := script(77, 60)
	want := reference(steps)
	schema := clicks(t, nil).Schema
	for at := range steps {
		for _, tasks := range []int{1, 4} {
			k := optest.NewTask(t, newSessions(), schema)
			play(t, steps[:at], k)
			frozen, before := k.Snapshot(), events(t, k)
			play(t, steps[at:], k)
			next := optest.Restore(t, []state.Frozen{frozen}, newSessions, tasks, schema)
			play(t, steps[at:], next...)
			for _, k := range next {
				k.End()
			}
			optest.CompareSets(t, slices.Concat(before, events(t, next...)), want)
		}
	}
}

// A snapshot that comes between timers that are due has those that have not fired.
func TestSnapshotBetweenTimers(t *testing.T) {
	schema := clicks(t, nil).Schema
	k := optest.NewTask(t, newSessions(), schema)
	const users = 10000
	var records []click
	for i := range users {
		records = append(records, click{fmt.Sprint("user", i), 1})
	}
	k.Push(0, clicks(t, make([]int64, users), records...))
	op := newSessions().(interface {
		stream.Operator
		stream.Timed
		stream.Resumer
		stream.Stateful
	})
	k2 := optest.Restore(t, []state.Frozen{k.Snapshot()}, func() stream.Operator { return op }, 1, schema)[0]
	if err := op.Advance(1000, nil); err != nil {
		t.Fatal(err)
	}
	sink := &sink{}
	if more, err := op.Resume(sink); !more || err != nil {
		t.Fatalf("more %t, error %v", more, err)
	}
	frozen, err := op.Snapshot(1)
	if err != nil {
		t.Fatal(err)
	}
	next := optest.Restore(t, []state.Frozen{frozen}, newSessions, 2, schema)
	for _, k := range next {
		k.End()
	}
	k2.Out = sink.batches
	got := events(t, append(next, k2)...)
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != users {
		t.Errorf("%d sessions, want %d", len(got), users)
	}
}

type sink struct{ batches []columnar.Batch }

func (s *sink) Emit(b columnar.Batch)            { s.batches = append(s.batches, b.Clone()) }
func (*sink) EmitSide(int, columnar.Batch) error { return nil }
func (*sink) Room() int                          { return 1 }

// Where rows come by key, timers fire at the key's end, and its state goes.
func TestKeyOrder(t *testing.T) {
	p, err := process.OfKeyed(func() *sessions { return &sessions{} })
	if err != nil {
		t.Fatal(err)
	}
	in := clicks(t, []int64{5, 7, 6, 1, 2, 3}, click{"b", 1}, click{"b", 2}, click{"b", 3}, click{"a", 4}, click{"a", 4}, click{"c", 5})
	for _, rows := range []int{1, 2, 6} {
		k := optest.NewTask(t, stateless{}.op(t), in.Schema)
		k.Env.NewStore = func(keys []columnar.Field) (state.Store, error) { return onekey.New(onekey.Config{Keys: keys}) }
		k.Env.IsStreaming = false
		op := keyed.New(p)
		if err := op.Open(k.Env); err != nil {
			t.Fatal(err)
		}
		out := &sink{}
		for from := 0; from < in.Len; from += rows {
			if err := op.Process(0, in.Slice(from, rows), out); err != nil {
				t.Fatal(err)
			}
			resume(t, op, out)
		}
		if err := op.Advance(stream.EndOfTime, out); err != nil {
			t.Fatal(err)
		}
		resume(t, op, out)
		if err := op.Close(); err != nil {
			t.Fatal(err)
		}
		k.Out = out.batches
		want := []string{"b sum 6 kinds 3 6 @107", "a sum 8 kinds 1 8 @102", "c sum 5 kinds 1 5 @103"}
		if got := events(t, k); !slices.Equal(got, want) {
			t.Errorf("%d rows at a time: %v", rows, got)
		}
	}
}

func resume(t *testing.T, op stream.Resumer, out stream.Output) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = op.Resume(out); err != nil {
			t.Fatal(err)
		}
	}
}

// reminder sets alarms.
type reminder struct{ Set state.Value[int64] }

func (r *reminder) OnRecord(ctx *process.Context[string, event], c click) error {
	ctx.SetAlarm(ctx.Now().Add(time.Duration(c.N) * time.Second))
	if c.N == 13 {
		ctx.DeleteAlarm(ctx.Now().Add(13 * time.Second))
	}
	return nil
}

func (r *reminder) OnAlarm(ctx *process.Context[string, event], at time.Time) error {
	ctx.Emit(event{ctx.Key(), "alarm", at.Unix()})
	if at.Unix() == 5 {
		ctx.SetAlarm(at.Add(time.Second))
	}
	return nil
}

func newReminder() stream.Operator {
	p, err := process.OfKeyed(func() *reminder { return &reminder{} })
	if err != nil {
		panic(err)
	}
	return keyed.New(p)
}

// Alarms come with the clock, in order, once for a key and time; those that come while nothing runs, come when it runs again.
func TestAlarms(t *testing.T) {
	schema := clicks(t, nil).Schema
	k := optest.NewTask(t, newReminder(), schema)
	k.Push(0, clicks(t, nil, click{"a", 5}, click{"a", 5}, click{"b", 3}, click{"a", 13}, click{"c", 60}))
	if at := k.Alarm; at.Unix() != 3 {
		t.Errorf("the alarm is set to %v", at)
	}
	k.Tick(time.Unix(2, 0))
	k.Tick(time.Unix(6, 0))
	want := []string{"b alarm 3 @" + fmt.Sprint(columnar.NoTime), "a alarm 5 @" + fmt.Sprint(columnar.NoTime), "a alarm 6 @" + fmt.Sprint(columnar.NoTime)}
	if got := events(t, k); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	frozen := k.Snapshot()
	next := optest.Restore(t, []state.Frozen{frozen}, newReminder, 3, schema)
	for _, k := range next {
		k.Tick(time.Unix(100, 0))
	}
	if got := events(t, next...); len(got) != 1 || !strings.HasPrefix(got[0], "c alarm 60") {
		t.Errorf("after a restart: %v", got)
	}
}

// pair waits for both sides of a key.
type pair struct {
	Left  state.Value[int64]
	Right state.Value[string]
}

func (p *pair) give(ctx *process.Context[string, event]) {
	l, okL := p.Left.Get()
	r, okR := p.Right.Get()
	if okL && okR {
		ctx.Emit(event{ctx.Key(), r, l})
	}
}

func (p *pair) OnLeft(ctx *process.Context[string, event], c click) error {
	p.Left.Set(c.N)
	p.give(ctx)
	return nil
}

func (p *pair) OnRight(ctx *process.Context[string, event], name string) error {
	p.Right.Set("name " + name)
	p.give(ctx)
	return nil
}

func TestConnected(t *testing.T) {
	p, err := process.OfConnected(func() *pair { return &pair{} })
	if err != nil {
		t.Fatal(err)
	}
	names := func(names ...string) columnar.Batch { return keyedBatch(t, strings.ToLower, names, nil) }
	k := optest.NewTask(t, keyed.New(p), clicks(t, nil).Schema, names().Schema)
	k.Push(0, clicks(t, nil, click{"a", 1}, click{"b", 2}))
	k.Push(1, names("A", "C"))
	k.Push(0, clicks(t, nil, click{"c", 3}, click{"a", 4}))
	k.Push(1, names("B"))
	k.End()
	got, _ := decode[event](t, k.Out)
	want := []event{{"a", "name A", 1}, {"c", "name C", 3}, {"a", "name A", 4}, {"b", "name B", 2}}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

type limit struct {
	User string
	Most int64
}

// limits lets clicks pass that are within the limit of their user.
type limits struct {
	Limits process.Rules[string, limit] `broadcast:"limits"`
	Passed state.Value[int64]
	breaks bool
}

func (l *limits) OnRecord(ctx *process.Context[string, event], c click) error {
	if l.breaks {
		l.Limits.Put("x", limit{})
	}
	if by, ok := l.Limits.Get(c.User); ok && c.N > by.Most {
		process.EmitSide(ctx, refused, c)
		return nil
	}
	n, _ := l.Passed.Get()
	l.Passed.Set(n + 1)
	order := ""
	for user := range l.Limits.All() {
		order += user
	}
	ctx.Emit(event{c.User, order, n + 1})
	return nil
}

func (l *limits) OnBroadcast(_ *process.Output[event], by limit) error {
	if by.Most < 0 {
		l.Limits.Delete(by.User)
	} else {
		l.Limits.Put(by.User, by)
	}
	return nil
}

var refused = process.NewTag[click]("refused")

func limitsBatch(t testing.TB, all ...limit) columnar.Batch {
	t.Helper()
	b := keyedBatch(t, func(l limit) string { return l.User }, all, nil)
	b.Schema, b.Columns = columnar.NewSchema(b.Schema.Fields[1:]...), b.Columns[1:]
	return b
}

func newLimits(t *testing.T, breaks bool) func() stream.Operator {
	t.Helper()
	p, err := process.OfBroadcast(func() *limits { return &limits{breaks: breaks} })
	if err != nil {
		t.Fatal(err)
	}
	side, err := process.Declare(refused)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := p.Sides.Add(side); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	return func() stream.Operator { return keyed.New(p) }
}

func TestBroadcast(t *testing.T) {
	schemas := []*columnar.Schema{clicks(t, nil).Schema, limitsBatch(t).Schema}
	newOp := newLimits(t, false)
	k := optest.NewTask(t, newOp(), schemas...)
	k.Push(1, limitsBatch(t, limit{"a", 10}, limit{"b", 5}, limit{"c", 1}, limit{"a", 11}, limit{"b", -1}, limit{"d", 3}))
	k.Push(0, clicks(t, []int64{1, 2, 3, 4}, click{"a", 11}, click{"a", 12}, click{"b", 100}, click{"d", 4}))
	got, _ := decode[event](t, k.Out)
	if want := []event{{"a", "acd", 1}, {"b", "acd", 1}}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	sides, times := decode[click](t, k.Sides[0])
	if !slices.Equal(sides, []click{{"a", 12}, {"d", 4}}) || !slices.Equal(times, []int64{2, 4}) {
		t.Errorf("side output %v at %v", sides, times)
	}
	// Rules are in every task after a restart, in the same order; what is by key is where its key is.
	for _, k := range optest.Restore(t, []state.Frozen{k.Snapshot(), k.Snapshot()}, newOp, 3, schemas...) {
		k.Push(0, share(k, clicks(t, nil, click{"a", 2}, click{"d", 4}, click{"z", 1})))
		got, _ := decode[event](t, k.Out)
		for _, e := range got {
			if want := map[string]int64{"a": 2, "z": 1}[e.User]; e.What != "acd" || e.Count != want {
				t.Errorf("after a restart: %v", e)
			}
		}
	}
}

func TestRulesAreReadOnly(t *testing.T) {
	op := newLimits(t, true)()
	k := optest.NewTask(t, op, clicks(t, nil).Schema, limitsBatch(t).Schema)
	k.Push(1, limitsBatch(t, limit{"a", 10}))
	err := k.Try(func(out stream.Output) error { return op.Process(0, clicks(t, nil, click{"a", 1}), out) })
	if err == nil || !strings.Contains(err.Error(), "only be changed in OnBroadcast") {
		t.Errorf("error %v", err)
	}
}

// failing fails on the record it is told to, and closes what it has opened.
type failing struct {
	opened, closed *int
}

func (f *failing) Open(task process.Task) error {
	*f.opened += task.Tasks
	return nil
}

func (f *failing) Close() error {
	*f.closed++
	return nil
}

func (f *failing) OnRecord(ctx *process.Output[event], c click) error {
	ctx.Count("records", 1)
	if c.N < 0 {
		return errors.New("negative")
	}
	ctx.Emit(event{c.User, "", c.N})
	return nil
}

func TestEach(t *testing.T) {
	var opened, closed int
	p, err := process.OfEach(func() *failing { return &failing{opened: &opened, closed: &closed} })
	if err != nil {
		t.Fatal(err)
	}
	if p.NeedsState() {
		t.Error("it needs no state")
	}
	op := keyed.New(p)
	in := clicks(t, nil, click{"a", 1}, click{"b", -1})
	in.Schema, in.Columns = columnar.NewSchema(in.Schema.Fields[1:]...), in.Columns[1:]
	k := optest.NewTask(t, op, in.Schema)
	k.Push(0, in.Slice(0, 1))
	err = k.Try(func(out stream.Output) error { return op.Process(0, in, out) })
	if err == nil || !strings.Contains(err.Error(), "record 1 of the batch, {User:b N:-1}: negative") {
		t.Errorf("error %v", err)
	}
	if err := op.Close(); err != nil || opened != 1 || closed != 1 {
		t.Errorf("opened %d times, closed %d times, error %v", opened, closed, err)
	}
	if n := k.Env.Metrics.Values().User["records"]; n != 3 {
		t.Errorf("%d records counted", n)
	}
	if err := keyed.New(p).Close(); err != nil {
		t.Error(err)
	}
}

// noTimer sets a timer that it does not handle.
type noTimer struct{ Any state.Value[int64] }

func (noTimer) OnRecord(ctx *process.Context[string, event], _ click) error {
	ctx.SetTimer(time.Unix(1, 0))
	return nil
}

func TestTimerWithoutMethod(t *testing.T) {
	p, err := process.OfKeyed(func() *noTimer { return &noTimer{} })
	if err != nil {
		t.Fatal(err)
	}
	op := keyed.New(p)
	k := optest.NewTask(t, op, clicks(t, nil).Schema)
	err = k.Try(func(out stream.Output) error { return op.Process(0, clicks(t, nil, click{"a", 1}), out) })
	if err == nil || !strings.Contains(err.Error(), "no method OnTimer") {
		t.Errorf("error %v", err)
	}
}

// stateless has neither state nor timers: it needs no store.
type stateless struct{}

func (stateless) OnRecord(ctx *process.Context[string, event], c click) error {
	ctx.Emit(event{ctx.Key(), "", c.N})
	return nil
}

func (stateless) op(t *testing.T) stream.Operator {
	t.Helper()
	p, err := process.OfKeyed(func() stateless { return stateless{} })
	if err != nil || p.NeedsState() {
		t.Fatal(err)
	}
	return keyed.New(p)
}

func TestStateless(t *testing.T) {
	k := optest.NewTask(t, stateless{}.op(t), clicks(t, nil).Schema)
	k.Env.NewStore = nil
	k.Push(0, clicks(t, nil, click{"a", 1}))
	f := k.Snapshot()
	if len(f.Tables()) != 0 {
		t.Errorf("tables %v", f.Tables())
	}
	f.Release()
}

func TestMistakes(t *testing.T) {
	if _, err := process.OfEach(func() *keyedEach { return &keyedEach{} }); err == nil || !strings.Contains(err.Error(), "has no keys") {
		t.Errorf("error %v", err)
	}
}

type keyedEach struct{ N state.Value[int64] }

func (*keyedEach) OnRecord(*process.Output[event], click) error { return nil }

// counting is the hot path.
type counting struct{ N state.Value[int64] }

func (s *counting) OnRecord(ctx *process.Context[string, event], c click) error {
	n, _ := s.N.Get()
	s.N.Set(n + c.N)
	ctx.Emit(event{c.User, "", n})
	return nil
}

func BenchmarkKeyed(b *testing.B) {
	for _, users := range []int{100, 1e6} {
		b.Run(fmt.Sprintf("keys=%d", users), func(b *testing.B) {
			p, err := process.OfKeyed(func() *counting { return &counting{} })
			if err != nil {
				b.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 1))
			var in []columnar.Batch
			for range 64 {
				records := make([]click, columnar.DefaultRows)
				for k := range records {
					records[k] = click{fmt.Sprint("user", r.IntN(users)), 1}
				}
				in = append(in, clicks(b, make([]int64, len(records)), records...))
			}
			op := keyed.New(p)
			k := optest.NewTask(b, op, in[0].Schema)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if err := op.Process(0, in[n%len(in)], nil); err != nil {
					b.Fatal(err)
				}
				for more := true; more; {
					if more, err = op.Resume(discard{}); err != nil {
						b.Fatal(err)
					}
				}
				n++
			}
			_ = k
			b.ReportMetric(float64(n*columnar.DefaultRows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

type discard struct{}

func (discard) Emit(columnar.Batch)                {}
func (discard) EmitSide(int, columnar.Batch) error { return nil }
func (discard) Room() int                          { return 1 }

// forgetful remembers a user for a second.
type forgetful struct {
	Seen state.Value[int64] `state:"seen,ttl=1s"`
}

func (f *forgetful) OnRecord(_ *process.Context[string, event], c click) error {
	f.Seen.Set(c.N)
	return nil
}

// State that has outlived its time goes, also that of keys which never come again.
func TestSweep(t *testing.T) {
	p, err := process.OfKeyed(func() *forgetful { return &forgetful{} })
	if err != nil {
		t.Fatal(err)
	}
	op := keyed.New(p)
	k := optest.NewTask(t, op, clicks(t, nil).Schema)
	var in []click
	for i := range 5000 {
		in = append(in, click{User: fmt.Sprint("user ", i), N: 1})
	}
	k.Push(0, clicks(t, nil, in...))
	if n := keyed.Keys(op); n != 5000 {
		t.Fatalf("there is state of %d keys, want 5000", n)
	}
	for range 50 {
		k.Tick(k.Clock.Add(3 * time.Second))
	}
	if n := keyed.Keys(op); n != 0 {
		t.Errorf("there is state of %d keys", n)
	}
}
