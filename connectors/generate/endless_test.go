package generate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/generate"
)

// TestEndless makes records for three seconds at a rate, with event times.
func TestEndless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := generate.Source[int64]{
			Endless: true, Rate: 500, At: func(i int64) int64 { return 2 * i }, Time: func(i int64) time.Time { return time.UnixMilli(i) },
		}
		if err := s.Validate(); err != nil || s.IsBounded() {
			t.Fatal(err, s.IsBounded())
		}
		facts, err := s.Discover(t.Context(), connectors.Env{})
		if err != nil || facts.Rows != -1 {
			t.Fatal(facts, err)
		}
		e, err := s.NewEnumerator(connectors.Env{}, connectors.Scan{}, facts)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.NewReader(connectors.TaskEnv{Tasks: 1}, connectors.Scan{})
		if err != nil {
			t.Fatal(err)
		}
		n, end := int64(0), time.Now().Add(3*time.Second)
		for time.Now().Before(end) {
			f, err := r.Fetch(t.Context())
			if err != nil {
				actions, err := e.Step(connectors.Requested{})
				if err != nil {
					t.Fatal(err)
				}
				if err := r.Assign(actions[0].(connectors.Assign).Splits, nil); err != nil {
					t.Fatal(err)
				}
				continue
			}
			for i := range f.Batch.Len {
				if at := f.Batch.Time[i]; at != n*1000 {
					t.Fatalf("record %d has the event time %d", n, at)
				}
				n++
			}
		}
		if n < 1400 || n > 1600 {
			t.Errorf("%d records in 3 seconds at 500 a second", n)
		}
	})
}

func TestValidateEndless(t *testing.T) {
	at := func(i int64) int64 { return i }
	for _, s := range []generate.Source[int64]{{Endless: true}, {Endless: true, Rows: 1, At: at}, {Rows: 1, Rate: -1, At: at}} {
		if s.Validate() == nil {
			t.Errorf("%+v is valid", s)
		}
	}
}
