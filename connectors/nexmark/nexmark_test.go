package nexmark_test

import (
	order "cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/nexmark"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/local"
)

// read makes the events of a bounded source with so many tasks, each batch of rows events.
func read[T any](t testing.TB, s connectors.TypedSource[T], tasks, rows int) []T {
	t.Helper()
	r := newRun(t, s, tasks, rows)
	r.step(connectors.Started{Tasks: tasks})
	r.finish(-1)
	return r.rows
}

// run drives a source as the engine does.
type run[T any] struct {
	t        testing.TB
	enum     connectors.Enumerator
	readers  []connectors.Reader
	done     []bool
	assigned map[string]connectors.Split
	at       map[string]connectors.Position
	rows     []T
	times    []int64
}

func newRun[T any](t testing.TB, s connectors.TypedSource[T], tasks, rows int) *run[T] {
	t.Helper()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	r := &run[T]{t: t, done: make([]bool, tasks), assigned: map[string]connectors.Split{}, at: map[string]connectors.Position{}}
	var err error
	env := connectors.Env{Files: vfs.NewResolver(map[string]vfs.Opener{"file": local.Open})}
	if r.enum, err = s.NewEnumerator(env, connectors.Scan{}, connectors.Facts{}); err != nil {
		t.Fatal(err)
	}
	for i := range tasks {
		reader, err := s.NewReader(connectors.TaskEnv{Env: env, Task: i, Tasks: tasks}, connectors.Scan{Rows: rows})
		if err != nil {
			t.Fatal(err)
		}
		r.readers = append(r.readers, reader)
	}
	return r
}

func (r *run[T]) step(e connectors.Event) {
	r.t.Helper()
	actions, err := r.enum.Step(e)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, a := range actions {
		switch a := a.(type) {
		case connectors.Assign:
			for i, s := range a.Splits {
				r.assigned[s.ID], r.at[s.ID] = s, nil
				if i < len(a.Positions) {
					r.at[s.ID] = a.Positions[i]
				}
			}
			if err := r.readers[a.Task].Assign(a.Splits, a.Positions); err != nil {
				r.t.Fatal(err)
			}
		case connectors.NoMore:
			r.done[a.Task] = true
		case connectors.Call:
			result, err := a.Do(r.t.Context())
			r.step(connectors.Called{Name: a.Name, Result: result, Err: err})
		}
	}
}

// finish fetches from the tasks in turn, until all are done or so many batches have come.
func (r *run[T]) finish(batches int) {
	r.t.Helper()
	for slices.Contains(r.done, false) && batches != 0 {
		for i, reader := range r.readers {
			if r.done[i] || batches == 0 {
				continue
			}
			f, err := reader.Fetch(r.t.Context())
			if err == io.EOF { //nolint:errorlint // readers return it bare
				r.step(connectors.Requested{Task: i})
				continue
			}
			if err != nil {
				r.t.Fatal(err)
			}
			batches--
			r.take(f)
		}
	}
}

// left returns what is assigned and not read to its end, and where it goes on.
func (r *run[T]) left() (splits []connectors.Split, positions []connectors.Position) {
	for id, split := range r.assigned {
		splits, positions = append(splits, split), append(positions, r.at[id])
	}
	return splits, positions
}

func (r *run[T]) take(f connectors.Fetched) {
	r.at[f.Split] = f.Next
	if f.Done {
		delete(r.assigned, f.Split)
	}
	if f.Batch.Len == 0 {
		return
	}
	c, err := codec.Of[T]()
	if err != nil {
		r.t.Fatal(err)
	}
	d, err := c.Decoder(f.Batch.Schema)
	if err != nil {
		r.t.Fatal(err)
	}
	rows, err := d.Decode(f.Batch, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.rows = append(r.rows, rows...)
	r.times = append(r.times, f.Batch.Time...)
}

// TestSameAsFiles prints events as the lines of the benchmarks' files: the sum is the one that those are held to.
func TestSameAsFiles(t *testing.T) {
	const want = "75f405ac8e81cb99" // of 2500 events in two parts
	events := read(t, nexmark.Source[nexmark.Event]{Events: 2500}, 1, 77)
	var parts [2]strings.Builder
	for n, e := range events {
		line(&parts[n/1000%2], e)
	}
	sum := sha256.Sum256([]byte(parts[0].String() + parts[1].String()))
	if got := hex.EncodeToString(sum[:8]); got != want {
		t.Errorf("the sum is %s, want %s; the first events are %+v", got, want, events[:5])
	}
}

func line(out io.Writer, e nexmark.Event) {
	const layout = "2006-01-02 15:04:05.000"
	fmt.Fprintf(out, `{"event_type":%d,"dateTime":"%s"`, e.EventType, e.DateTime.Format(layout))
	switch e.EventType {
	case nexmark.PersonEvent:
		fmt.Fprintf(out, `,"p_id":%d,"p_name":"%s","p_emailAddress":"%s","p_creditCard":"%s","p_city":"%s","p_state":"%s","p_extra":"%s"`,
			e.PersonID, e.PersonName, e.EmailAddress, e.CreditCard, e.City, e.State, e.PersonExtra)
	case nexmark.AuctionEvent:
		fmt.Fprintf(out, `,"a_id":%d,"a_itemName":"%s","a_description":"%s","a_initialBid":%d,"a_reserve":%d,"a_expires":"%s","a_seller":%d,"a_category":%d,"a_extra":"%s"`,
			e.AuctionID, e.ItemName, e.Description, e.InitialBid, e.Reserve, e.Expires.Format(layout), e.Seller, e.Category, e.AuctionExtra)
	default:
		fmt.Fprintf(out, `,"b_auction":%d,"b_bidder":%d,"b_price":%d,"b_channel":"%s","b_url":"%s","b_extra":"%s"`,
			e.Auction, e.Bidder, e.Price, e.Channel, e.URL, e.BidExtra)
	}
	fmt.Fprintln(out, "}")
}

// TestColumnsAlone compares what is made of one kind, of few columns, in parts, by many tasks, with all of everything.
func TestColumnsAlone(t *testing.T) {
	const events = 33_333
	all := read(t, nexmark.Source[nexmark.Event]{Events: events}, 1, 0)
	if len(all) != events {
		t.Fatalf("%d events", len(all))
	}
	var bids []nexmark.Bid
	var people []nexmark.Person
	type few struct {
		Category int64 `col:"a_category,null=zero"`
		Reserve  int64 `col:"a_reserve,null=zero"`
	}
	var auctions []few
	type price struct {
		Price   int64  `col:"b_price,null=zero"`
		Channel string `col:"b_channel,null=zero"`
		Name    string `col:"p_name,null=zero"`
		Type    int32  `col:"event_type"`
	}
	var prices []price
	for _, e := range all {
		prices = append(prices, price{e.Price, e.Channel, e.PersonName, e.EventType})
		switch e.EventType {
		case nexmark.PersonEvent:
			people = append(people, nexmark.Person{
				ID: e.PersonID, Name: e.PersonName, EmailAddress: e.EmailAddress, CreditCard: e.CreditCard,
				City: e.City, State: e.State, DateTime: e.DateTime, Extra: e.PersonExtra,
			})
		case nexmark.AuctionEvent:
			auctions = append(auctions, few{e.Category, e.Reserve})
		default:
			bids = append(bids, nexmark.Bid{Auction: e.Auction, Bidder: e.Bidder, Price: e.Price, Channel: e.Channel, URL: e.URL, DateTime: e.DateTime, Extra: e.BidExtra})
		}
	}
	same(t, bids, read(t, nexmark.Source[nexmark.Bid]{Events: events, Only: nexmark.Bids}, 1, 999))
	same(t, people, read(t, nexmark.Source[nexmark.Person]{Events: events, Only: nexmark.People}, 1, 1))
	same(t, auctions, read(t, nexmark.Source[few]{Events: events, Only: nexmark.Auctions}, 1, 123))
	same(t, prices, read(t, nexmark.Source[price]{Events: events}, 1, 0))
	got := read(t, nexmark.Source[nexmark.Event]{Events: events}, 3, 0)
	slices.SortStableFunc(got, func(a, b nexmark.Event) int { return a.DateTime.Compare(b.DateTime) })
	same(t, counts(all), counts(got))
}

func same[T any](t *testing.T, want, got []T) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if any(want[i]) != any(got[i]) {
			t.Fatalf("row %d: -want +got\n%s", i, cmp.Diff(want[i], got[i]))
		}
	}
}

func counts(events []nexmark.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%+v", e))
	}
	slices.Sort(out)
	return out
}

// TestResume stops at any moment and goes on with other parallelism, several times.
func TestResume(t *testing.T) {
	type id struct {
		Time time.Time `col:"dateTime,local"`
		Bid  int64     `col:"b_price,null=zero"`
		P    int64     `col:"p_id,null=zero"`
		A    int64     `col:"a_id,null=zero"`
	}
	s := nexmark.Source[id]{Events: 150_000}
	if testing.Short() {
		s.Events = 60_000
	}
	want := read(t, s, 1, 0)
	for _, tasks := range [][]int{{1, 1, 1}, {2, 2, 2}, {1, 4, 3}, {3, 7, 1}, {4, 1, 2}} {
		r := newRun(t, s, tasks[0], 3000)
		r.step(connectors.Started{Tasks: tasks[0]})
		r.finish(7)
		got := r.rows
		for _, n := range tasks[1:] {
			state, err := r.enum.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			splits, positions := r.left()
			r = newRun(t, s, n, 3000)
			r.step(connectors.Restored{Tasks: n, State: state, Splits: splits, Positions: positions})
			r.finish(11)
			got = append(got, r.rows...)
		}
		left := len(r.rows)
		r.finish(-1)
		got = append(got, r.rows[left:]...)
		sortBy := func(a, b id) int {
			return order.Or(a.Time.Compare(b.Time), order.Compare(a.Bid, b.Bid), order.Compare(a.P, b.P), order.Compare(a.A, b.A))
		}
		slices.SortFunc(got, sortBy)
		if len(got) != len(want) {
			t.Fatalf("tasks %v: %d events, want %d", tasks, len(got), len(want))
		}
		w := slices.Clone(want)
		slices.SortFunc(w, sortBy)
		same(t, w, got)
	}
}

// TestPrices compares the prices' table with the power function on numbers of every size.
func TestPrices(t *testing.T) {
	bids := read(t, nexmark.Source[nexmark.Bid]{Events: 300_000, Only: nexmark.Bids}, 1, 0)
	low, high, sum := int64(math.MaxInt64), int64(0), 0.0
	for _, b := range bids {
		low, high, sum = min(low, b.Price), max(high, b.Price), sum+math.Log10(float64(b.Price))
	}
	if mean := sum / float64(len(bids)); low < 100 || high > 1e8 || mean < 4.98 || mean > 5.02 {
		t.Errorf("prices from %d to %d, 10^%g in the middle", low, high, mean)
	}
}

func TestEventTime(t *testing.T) {
	begin := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	r := newRun(t, nexmark.Source[nexmark.Event]{Events: 10_000, PerSecond: 333, Begin: begin}, 1, 0)
	r.step(connectors.Started{Tasks: 1})
	r.finish(-1)
	for n, e := range r.rows {
		if want := begin.Add(time.Duration(n*1000/333) * time.Millisecond); !e.DateTime.Equal(want) || r.times[n] != want.UnixMicro() {
			t.Fatalf("event %d is at %v, event time %d; want %v", n, e.DateTime, r.times[n], want)
		}
	}
}

func TestValidate(t *testing.T) {
	type other struct{ X int64 }
	if (nexmark.Source[other]{}).Validate() == nil || (nexmark.Source[nexmark.Bid]{Only: 9}).Validate() == nil {
		t.Error("what cannot be made is valid")
	}
}

func BenchmarkSource(b *testing.B) {
	type ids struct {
		Auction int64 `col:"b_auction,null=zero"`
		Bidder  int64 `col:"b_bidder,null=zero"`
	}
	type money struct {
		Auction int64     `col:"b_auction,null=zero"`
		Bidder  int64     `col:"b_bidder,null=zero"`
		Price   int64     `col:"b_price,null=zero"`
		At      time.Time `col:"dateTime,local"`
	}
	bench(b, "bids/ids", nexmark.Source[ids]{Only: nexmark.Bids})
	bench(b, "bids/money", nexmark.Source[money]{Only: nexmark.Bids})
	bench(b, "bids/all", nexmark.Source[nexmark.Bid]{Only: nexmark.Bids})
	bench(b, "events/money", nexmark.Source[money]{})
	bench(b, "events/all", nexmark.Source[nexmark.Event]{})
}

func bench[T any](b *testing.B, name string, s nexmark.Source[T]) {
	b.Run(name, func(b *testing.B) {
		r := newRun(b, s, 1, 0)
		r.step(connectors.Started{Tasks: 1})
		r.step(connectors.Requested{})
		b.ReportAllocs()
		b.ResetTimer()
		var last columnar.Batch
		for b.Loop() {
			f, err := r.readers[0].Fetch(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			last = f.Batch
		}
		b.ReportMetric(float64(b.N)*8000/b.Elapsed().Seconds(), "events/s")
		_ = last
	})
}

// When one stride is made to its end, what is left is not divided anew: the new strides would have events of the one that has ended.
func TestResumeBehindAnEnd(t *testing.T) {
	s := nexmark.Source[nexmark.Bid]{Events: 60_000}
	open := func() connectors.Enumerator {
		e, err := s.NewEnumerator(connectors.Env{}, connectors.Scan{}, connectors.Facts{})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	step := func(e connectors.Enumerator, event connectors.Event) connectors.Action {
		actions, err := e.Step(event)
		if err != nil {
			t.Fatal(err)
		}
		if len(actions) == 0 {
			return nil
		}
		return actions[0]
	}
	before := open()
	step(before, connectors.Started{Tasks: 2})
	step(before, connectors.Requested{Task: 0})
	other := step(before, connectors.Requested{Task: 1}).(connectors.Assign).Splits
	state, err := before.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	after := open()
	step(after, connectors.Restored{Tasks: 3, State: state, Splits: other, Positions: make([]connectors.Position, 1)})
	if a, ok := step(after, connectors.Requested{Task: 0}).(connectors.Assign); !ok || a.Splits[0].ID != other[0].ID {
		t.Errorf("assigned %v, want %s", a.Splits, other[0].ID)
	}
	if a, ok := step(after, connectors.Requested{Task: 1}).(connectors.NoMore); !ok {
		t.Errorf("got %v, want the end", a)
	}
}
