package nexmark_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/nexmark"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/internal/testkit/formattest"
)

// TestRounds compares three rounds of 2,000 events in a file, or in two, with one that is moved on by hand, stopped at any batch and gone on with.
func TestRounds(t *testing.T) {
	const events, rounds = 2000, 3
	var want []nexmark.Event
	for k := range int64(rounds) {
		for _, e := range read(t, nexmark.Source[nexmark.Event]{Events: events}, 1, 77) {
			e.DateTime = e.DateTime.Add(time.Duration(k) * events * time.Second / 10_000)
			e.Expires = e.Expires.Add(time.Duration(k) * events * time.Second / 10_000)
			e.PersonID, e.Seller, e.Bidder = e.PersonID+k*events/50, e.Seller+k*events/50, e.Bidder+k*events/50
			e.AuctionID, e.Auction = e.AuctionID+k*events/50*3, e.Auction+k*events/50*3
			want = append(want, e)
		}
	}
	for _, parts := range []int{1, 2} {
		source := nexmark.Rounds[nexmark.Event]{TypedSource: files(t, events, parts), Rounds: rounds, Events: events}
		all := read[nexmark.Event](t, source, parts, 77)
		sameEvents(t, want, all)
		if parts == 1 {
			same(t, want, all)
		}
		for batches := 1; batches < 3*events/300; batches += 4 {
			r := newRun[nexmark.Event](t, source, parts, 300)
			r.step(connectors.Started{Tasks: parts})
			r.finish(batches)
			for _, tasks := range []int{3 - parts, parts} {
				state, err := r.enum.Snapshot()
				if err != nil {
					t.Fatal(err)
				}
				splits, positions := r.left()
				next := newRun[nexmark.Event](t, source, tasks, 301)
				next.rows = r.rows
				next.step(connectors.Restored{Tasks: tasks, State: state, Splits: splits, Positions: positions})
				next.finish(batches)
				r = next
			}
			r.finish(-1)
			sameEvents(t, want, r.rows)
		}
	}
}

// sameEvents compares events in any order.
func sameEvents(t *testing.T, want, got []nexmark.Event) {
	t.Helper()
	same(t, counts(want), counts(got))
}

// TestRoundsFacts asks how much there is.
func TestRoundsFacts(t *testing.T) {
	s := nexmark.Rounds[nexmark.Bid]{TypedSource: nexmark.Source[nexmark.Bid]{Events: 100}, Rounds: 3, Events: 100}
	if facts, err := s.Discover(t.Context(), connectors.Env{}); err != nil || facts.Rows != 300 {
		t.Errorf("%d rows are known of: %v", facts.Rows, err)
	}
}

// files writes events into files, blocks of a hundred in turn, and returns a source of them with a split each.
func files(t *testing.T, events int64, parts int) connectors.TypedSource[nexmark.Event] {
	t.Helper()
	dir, all := t.TempDir(), read(t, nexmark.Source[nexmark.Event]{Events: events}, 1, 100)
	c, err := codec.Of[nexmark.Event]()
	if err != nil {
		t.Fatal(err)
	}
	for part := range parts {
		var mine []nexmark.Event
		for i, block := range slices.Collect(slices.Chunk(all, 100)) {
			if i%parts == part {
				mine = append(mine, block...)
			}
		}
		e := c.Encoder()
		for _, event := range mine {
			e.Append(event)
		}
		cols, err := e.Finish()
		if err != nil {
			t.Fatal(err)
		}
		b := columnar.Batch{Schema: c.Schema(), Columns: cols, Len: len(mine)}
		data, err := formattest.Write(parquet.Format[nexmark.Event]{RowGroupRows: 150}, c.Schema(), b)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("part-%d.parquet", part)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file.Source[nexmark.Event]{Path: dir, Format: parquet.Format[nexmark.Event]{}, SplitBytes: 1 << 62}
}

// A filter on what rounds change is not passed on.
func TestRoundsFilter(t *testing.T) {
	for column, passed := range map[string]bool{"event_type": true, "b_price": true, "b_auction": false, "dateTime": false} {
		s := &asked{TypedSource: nexmark.Source[nexmark.Bid]{Events: 50}}
		rounds := nexmark.Rounds[nexmark.Bid]{TypedSource: s, Rounds: 2, Events: 50}
		scan := connectors.Scan{Filter: expr.And(expr.Col(column).Gt(1), expr.Col("event_type").Eq(2))}
		if _, err := rounds.NewReader(connectors.TaskEnv{Tasks: 1}, scan); err != nil {
			t.Fatal(err)
		}
		if got := !s.scan.Filter.IsZero(); got != passed {
			t.Errorf("a filter on %s is passed on: %v", column, got)
		}
	}
}

// asked keeps what its reader was asked for.
type asked struct {
	connectors.TypedSource[nexmark.Bid]
	scan connectors.Scan
}

func (s *asked) NewReader(env connectors.TaskEnv, scan connectors.Scan) (connectors.Reader, error) {
	s.scan = scan
	return s.TypedSource.NewReader(env, scan)
}

func TestValidateRounds(t *testing.T) {
	one := nexmark.Source[nexmark.Event]{Events: 50}
	for _, s := range []nexmark.Rounds[nexmark.Event]{
		{Rounds: 1, Events: 50},
		{TypedSource: one, Events: 50},
		{TypedSource: one, Rounds: 2},
		{TypedSource: one, Rounds: 2, Events: 51},
		{TypedSource: nexmark.Source[nexmark.Event]{Events: -1}, Rounds: 2, Events: 50},
	} {
		if s.Validate() == nil {
			t.Errorf("%+v is valid", s)
		}
	}
}
