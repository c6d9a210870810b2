package order

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/stream"
)

// encoder makes sort keys of batches.
type encoder struct {
	columns []int
	inner   *keys.SortEncoder
	plain   bool // the key is the column itself
	picked  []columnar.Column
}

func newEncoder(schema *columnar.Schema, columns []int, orders []keys.Order) *encoder {
	fields := schema.Select(columns).Fields
	e := &encoder{columns: columns, inner: keys.NewSortEncoder(fields, orders), picked: make([]columnar.Column, len(columns))}
	e.plain = len(fields) == 1 && fields[0].Type.IsVariable() && !fields[0].Nullable && !orders[0].Descending
	return e
}

// keys returns the sort keys of a batch without selection, and the bytes they take beside it.
func (e *encoder) keys(b columnar.Batch) (columnar.Column, int64) {
	if e.plain {
		return b.Columns[e.columns[0]], 0
	}
	for i, c := range e.columns {
		e.picked[i] = b.Columns[c]
	}
	k := e.inner.Encode(e.picked, nil, b.Len)
	return k, int64(k.Size())
}

// run is kept rows in sorted order.
type run struct {
	rows    *columnar.Interleaver
	entries []keys.Entry
	places  []columnar.Place
}

// newRun sorts n rows in batches, whose sort keys are given.
func newRun(schema *columnar.Schema, batches []columnar.Batch, sortKeys []columnar.Column, n int) *run {
	entries := make([]keys.Entry, 0, n)
	for i := range sortKeys {
		entries = keys.AppendEntries(entries, &sortKeys[i], uint32(i))
	}
	keys.Sort(entries, sortKeys)
	return &run{rows: columnar.NewInterleaver(schema, batches), entries: entries, places: make([]columnar.Place, min(n, batchRows))}
}

// next returns the next batch, fresh; false at the end.
func (r *run) next() (columnar.Batch, bool, error) {
	places := r.places[:min(len(r.places), len(r.entries))]
	if len(places) == 0 {
		return columnar.Batch{}, false, nil
	}
	for i, e := range r.entries[:len(places)] {
		places[i] = columnar.Place{Batch: e.Batch, Row: e.Row}
	}
	places = places[:r.rows.Fit(places, batchBytes)]
	r.entries = r.entries[len(places):]
	return r.rows.Take(places), true, nil
}

// writeRun spills the batches that next gives.
func writeRun(env *stream.Env, next func() (columnar.Batch, bool, error)) (r *spill.Run, err error) {
	w, err := env.Spill.NewWriter(env.Context, "sort", env.Inputs[0])
	if err != nil {
		return nil, fmt.Errorf("spilling a sorted run: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("spilling a sorted run: %w", err), w.Abort())
		}
	}()
	for {
		b, ok, err := next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if err := w.Append(b); err != nil {
			return nil, err
		}
	}
	if r, err = w.Finish(); err != nil {
		return nil, err
	}
	env.Metrics.Spilled.Add(r.Bytes())
	return r, nil
}
