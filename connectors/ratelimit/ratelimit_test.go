package ratelimit_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/connectors/ratelimit"
)

func TestSource(t *testing.T) {
	for _, c := range []struct {
		rate  float64
		tasks int
		rows  int64
		want  time.Duration
	}{
		{rate: 1000, tasks: 1, rows: 5000, want: 5 * time.Second},
		{rate: 1000, tasks: 4, rows: 500, want: 2 * time.Second},
		{rate: 2, tasks: 1, rows: 10, want: 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := ratelimit.Source[int64]{TypedSource: generate.Source[int64]{Rows: c.rows, At: func(i int64) int64 { return i }}, Rows: c.rate}
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
			start, rows := time.Now(), int64(0)
			r, err := s.NewReader(connectors.TaskEnv{Tasks: c.tasks}, connectors.Scan{})
			if err != nil {
				t.Fatal(err)
			}
			enum, err := s.NewEnumerator(connectors.Env{}, connectors.Scan{}, connectors.Facts{})
			if err != nil {
				t.Fatal(err)
			}
			actions, err := enum.Step(connectors.Requested{})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Assign(actions[0].(connectors.Assign).Splits, nil); err != nil {
				t.Fatal(err)
			}
			for {
				f, err := r.Fetch(t.Context())
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				rows += int64(f.Batch.Rows())
			}
			if took := time.Since(start); rows != c.rows || took < c.want*9/10 || took > c.want*11/10 {
				t.Errorf("%d rows at %g/s by one of %d tasks took %v, not %v", rows, c.rate, c.tasks, took, c.want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	if (ratelimit.Source[int]{}).Validate() == nil || (ratelimit.Source[int]{TypedSource: generate.Source[int]{}}).Validate() == nil {
		t.Error("a source without a rate, or without a source, is valid")
	}
}
