package task

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/operator/source"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/watermark"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// row is a row of a split, or, with end, the split's end.
type row struct {
	split string
	time  int64
	end   bool
}

// lane is a reader that is given its rows one by one. It reads splits that are paused as if it had read them before.
type lane struct{ rows chan row }

func (*lane) Assign([]connectors.Split, []connectors.Position) error { return nil }

func (l *lane) Fetch(ctx context.Context) (connectors.Fetched, error) {
	select {
	case r, ok := <-l.rows:
		if !ok {
			return connectors.Fetched{}, io.EOF
		}
		f := connectors.Fetched{Split: r.split, Done: r.end}
		if !r.end {
			f.Next = connectors.Position{byte(r.time)}
			f.Batch = columnar.Batch{Schema: columnar.NewSchema(), Len: 1, Time: []int64{r.time}}
		}
		return f, nil
	case <-time.After(time.Millisecond):
		return connectors.Fetched{}, nil
	case <-ctx.Done():
		return connectors.Fetched{}, context.Cause(ctx)
	}
}

func (*lane) Close() error { return nil }

// lanes is a lane that can leave out splits.
type lanes struct {
	lane
	paused chan []string
}

func (l *lanes) Pause(splits []string) { l.paused <- splits }

// clocked gives rows their time, and shows them.
type clocked struct {
	pass
	tracker *watermark.Tracker
	seen    chan row
	split   string
}

func (c *clocked) Strategy() watermark.Strategy {
	return watermark.Monotonous().Align("g", 100*time.Microsecond)
}
func (c *clocked) Splits() []watermark.Split      { return c.tracker.Splits() }
func (c *clocked) PauseSplits(ids []string)       { c.tracker.Pause(ids, time.Now()) }
func (c *clocked) AddSplit(id string)             { c.tracker.Add(id, time.Now()) }
func (c *clocked) EndSplit(id string)             { c.tracker.End(id, time.Now()) }
func (c *clocked) HoldSplits(bool)                {}
func (c *clocked) Mark() (stream.Watermark, bool) { return c.tracker.Mark(time.Now()) }
func (c *clocked) UseSplit(id string)             { c.split = id; c.tracker.Use(id, time.Now()) }
func (c *clocked) Process(_ int, b columnar.Batch, _ stream.Output) error {
	c.tracker.Observe(b.Time, time.Now())
	c.seen <- row{split: c.split, time: b.Time[0]}
	return nil
}

// paced is a source's task of splits a and b whose splits may be 100 µs ahead.
type paced struct {
	*Task
	t     *testing.T
	rows  chan row
	op    *clocked
	paces chan control.Pace
	cuts  chan Cut
	done  chan error
}

func startPaced(t *testing.T, r connectors.Reader, rows chan row) *paced {
	t.Helper()
	p := &paced{t: t, rows: rows, paces: make(chan control.Pace, 1000), cuts: make(chan Cut, 10), done: make(chan error, 1)}
	p.op = &clocked{tracker: watermark.NewTracker(watermark.Monotonous(), true, time.Now()), seen: make(chan row, 100)}
	p.Task = New(Config{
		Operators: []Operator{{Name: "time", Op: p.op, Env: &stream.Env{Metrics: &metrics.Set{}}}},
		Cut:       func(c Cut) { p.cuts <- c }, Ended: func() { p.Release() }, Paced: func(c control.Pace) { p.paces <- c },
	})
	f, err := source.NewFetcher(func(func(connectors.Bad) error) (connectors.Reader, error) { return r, nil }, func() {}, p.Wake)
	if err != nil {
		t.Fatal(err)
	}
	p.ReadFrom(f, &stream.Env{Metrics: &metrics.Set{}}, false)
	p.Connect(nil, nil)
	f.Assign(source.Assignment{Splits: []connectors.Split{{ID: "a"}, {ID: "b"}}, NoMore: true})
	go func() { // ends with the task; finish waits for it
		_, err := p.Run(t.Context())
		p.done <- err
	}()
	return p
}

// give has the reader give rows.
func (p *paced) give(rows ...row) {
	for _, r := range rows {
		p.rows <- r
	}
}

// sees checks what comes through next.
func (p *paced) sees(want ...row) {
	p.t.Helper()
	for _, w := range want {
		if got := <-p.op.seen; got != w {
			p.t.Fatalf("saw %v, want %v", got, w)
		}
	}
}

// finish ends the input.
func (p *paced) finish() {
	p.t.Helper()
	close(p.rows)
	if err := <-p.done; err != nil {
		p.t.Fatal(err)
	}
	if n := len(p.op.seen); n > 0 {
		p.t.Errorf("%d rows more than were wanted", n)
	}
}

func TestPausedSplit(t *testing.T) {
	r := &lanes{lane{make(chan row)}, make(chan []string, 100)}
	p := startPaced(t, r, r.rows)
	p.give(row{split: "a", time: 10}, row{split: "b", time: 12}, row{split: "a", time: 200})
	p.sees(row{split: "a", time: 10}, row{split: "b", time: 12}, row{split: "a", time: 200})
	if got := <-r.paused; !slices.Equal(got, []string{"a"}) {
		t.Fatalf("paused %v", got)
	}
	p.give(row{split: "a", time: 201}, row{split: "b", time: 13}) // the first was read before the pause
	p.sees(row{split: "b", time: 13})

	p.Trigger(stream.Barrier{ID: 1}, -1) // paused or not, the task answers, and what is put by has not been taken
	cut := <-p.cuts
	if a, b := cut.Positions["a"][0], cut.Positions["b"][0]; a != 200 || b != 13 {
		t.Errorf("the positions of the checkpoint are %d and %d", a, b)
	}

	p.Align("another", 200)
	p.give(row{split: "b", time: 14})
	p.sees(row{split: "b", time: 14})
	p.Align("g", 150)
	p.sees(row{split: "a", time: 201})
	if got := <-r.paused; len(got) > 0 {
		t.Fatalf("paused %v", got)
	}
	p.give(row{split: "a", end: true}, row{split: "b", end: true})
	p.finish()
}

// What is put by comes before the end, whatever is read first.
func TestPausedAtTheEnd(t *testing.T) {
	r := &lanes{lane{make(chan row)}, make(chan []string, 100)}
	p := startPaced(t, r, r.rows)
	p.give(row{split: "b", time: 12}, row{split: "a", time: 200})
	p.sees(row{split: "b", time: 12}, row{split: "a", time: 200})
	<-r.paused
	p.give(row{split: "a", time: 201}, row{split: "a", end: true}, row{split: "b", end: true})
	close(p.rows)
	for pace := range p.paces { // the coordinator learns that a is the slowest now, and says so
		if pace.Least == 199 {
			p.Align("g", pace.Least)
			break
		}
	}
	p.sees(row{split: "a", time: 201})
	if err := <-p.done; err != nil {
		t.Fatal(err)
	}
	var last control.Pace
	for len(p.paces) > 0 {
		last = <-p.paces
	}
	if !last.IsIdle {
		t.Errorf("a task that has ended says %+v", last)
	}
}

// A reader that cannot leave out splits is held when all are ahead, and not before.
func TestHeldReader(t *testing.T) {
	l := &lane{make(chan row)}
	p := startPaced(t, l, l.rows)
	p.give(row{split: "a", time: 10}, row{split: "a", time: 200}, row{split: "a", time: 300})
	p.sees(row{split: "a", time: 10}, row{split: "a", time: 200}, row{split: "a", time: 300})
	p.give(row{split: "b", time: 250})
	p.sees(row{split: "b", time: 250})
	for pace := range p.paces {
		if pace.IsHeld {
			if pace.Least != 249 {
				t.Errorf("held at %+v", pace)
			}
			break
		}
	}
	p.Trigger(stream.Barrier{ID: 1}, -1)
	<-p.cuts
	p.Align("g", 249)
	p.give(row{split: "b", time: 251}, row{split: "b", end: true}, row{split: "a", end: true})
	p.sees(row{split: "b", time: 251})
	p.finish()
}
