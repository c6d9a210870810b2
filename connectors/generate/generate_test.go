package generate_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/generate"
)

type pair struct{ N, Square int64 }

func at(i int64) pair { return pair{i, i * i} }

// TestEveryRecordOnce hands splits to tasks at random, gives some back as failed attempts do, and reads the rest.
func TestEveryRecordOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := generate.Source[pair]{Rows: rapid.Int64Range(0, 5000).Draw(rt, "rows"), At: at, SplitRows: rapid.Int64Range(1, 700).Draw(rt, "split")}
		e, err := s.NewEnumerator(connectors.Env{}, connectors.Scan{}, connectors.Facts{})
		if err != nil {
			rt.Fatal(err)
		}
		var got []int64
		for task := 0; ; task++ {
			actions, err := e.Step(connectors.Requested{Task: task})
			if err != nil {
				rt.Fatal(err)
			}
			assign, ok := actions[0].(connectors.Assign)
			if !ok {
				break
			}
			if rapid.IntRange(0, 3).Draw(rt, "fails") == 0 {
				if _, err := e.Step(connectors.Returned{Splits: assign.Splits}); err != nil {
					rt.Fatal(err)
				}
				continue
			}
			got = append(got, read(t, rt, s, assign.Splits)...)
		}
		slices.Sort(got)
		if int64(len(got)) != s.Rows {
			rt.Fatalf("%d records of %d", len(got), s.Rows)
		}
		for i, n := range got {
			if n != int64(i)*int64(i) {
				rt.Fatalf("record %d is %d", i, n)
			}
		}
	})
}

// read returns the squares of the splits' records; only that column is asked for.
func read(t *testing.T, rt *rapid.T, s generate.Source[pair], splits []connectors.Split) (out []int64) {
	t.Helper()
	r, err := s.NewReader(connectors.TaskEnv{}, connectors.Scan{Columns: s.Schema().Select([]int{1}), Rows: 100})
	if err != nil {
		rt.Fatal(err)
	}
	if err := r.Assign(splits, make([]connectors.Position, len(splits))); err != nil {
		rt.Fatal(err)
	}
	for {
		got, err := r.Fetch(t.Context())
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			rt.Fatal(err)
		}
		if got.Batch.Len > 100 || len(got.Batch.Columns) != 1 {
			rt.Fatalf("a batch of %d rows and %d columns", got.Batch.Len, len(got.Batch.Columns))
		}
		out = append(out, columnar.Values[int64](got.Batch.Columns[0])...)
	}
}

func TestForeignSplitIsRefused(t *testing.T) {
	r, err := generate.Source[pair]{Rows: 1, At: at}.NewReader(connectors.TaskEnv{}, connectors.Scan{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Assign([]connectors.Split{{ID: "x", Data: []byte{9}}}, make([]connectors.Position, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Fetch(t.Context()); err == nil {
		t.Error("a split of another version was read")
	}
}

func TestValidate(t *testing.T) {
	for _, s := range []generate.Source[pair]{{Rows: -1, At: at}, {Rows: 3}, {Rows: 1, At: at, SplitRows: -2}} {
		if s.Validate() == nil {
			t.Errorf("%+v is accepted", s.Rows)
		}
	}
}
