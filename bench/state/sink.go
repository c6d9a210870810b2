package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/blackhole"
)

// sink notes when results come, and forgets them.
type sink struct {
	blackhole.Sink[update]
	to *recorder
}

// NewWriter starts a task's noting.
func (s sink) NewWriter(ctx context.Context, env connectors.TaskEnv, schema *columnar.Schema) (connectors.Writer, error) {
	w, err := s.Sink.NewWriter(ctx, env, schema)
	return writer{Writer: w, to: s.to, due: len(schema.Fields) - 1}, err
}

type writer struct {
	connectors.Writer
	to  *recorder
	due int // its column: the last one
}

// Write notes a batch.
func (w writer) Write(ctx context.Context, b columnar.Batch) error {
	due := columnar.Values[int64](b.Columns[w.due])
	if n := b.Rows(); n > 0 && due[b.Row(0)] != 0 {
		w.to.add(time.Now(), due[b.Row(0)], n)
	}
	return w.Writer.Write(ctx, b)
}

// recorder knows how late results were, by batch: as late as the first of its records.
type recorder struct {
	mu    sync.Mutex // guards all below
	began time.Time  // the first was due
	last  time.Time  // something came
	late  []lateness
	rows  int64
	gaps  []time.Duration // between what came and what came next
	gap   time.Duration   // the longest of them
	gapAt time.Duration   // from the beginning to its end
}

// lateness is of the rows of a batch.
type lateness struct {
	by   time.Duration
	rows int
}

// begin says when the first record is due.
func (r *recorder) begin(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began, r.last = at, at
}

func (r *recorder) add(now time.Time, due int64, rows int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gap := now.Sub(r.last)
	r.gaps = append(r.gaps, gap)
	if gap > r.gap {
		r.gap, r.gapAt = gap, now.Sub(r.began)
	}
	r.last = now
	r.rows += int64(rows)
	r.late = append(r.late, lateness{time.Duration(now.UnixNano() - due), rows})
}

// gapsWithin returns the time that the given part of all gaps was at most.
func (r *recorder) gapsWithin(part float64) time.Duration {
	if len(r.gaps) == 0 {
		return 0
	}
	slices.Sort(r.gaps)
	return r.gaps[min(len(r.gaps)-1, int(part*float64(len(r.gaps))))]
}

// quantiles returns how late the given parts of all records were at most.
func (r *recorder) quantiles(parts ...float64) []time.Duration {
	slices.SortFunc(r.late, func(a, b lateness) int { return int(a.by - b.by) })
	out := make([]time.Duration, len(parts))
	for i, part := range parts {
		var sum int64
		for _, l := range r.late {
			if sum += int64(l.rows); float64(sum) >= part*float64(r.rows) {
				out[i] = l.by
				break
			}
		}
	}
	return out
}
