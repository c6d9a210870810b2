package sorting

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// Merge gives rows in order. Rows are copied from the batches in which they are: those of runs in memory, which stay, and of runs on disk
// those that the cursors are in, or were since the last batch was given.
//
//	batches  of runs in memory | run 5's batch | run 6's batch | run 5's next batch, after its first was used up | ...
//	places   chosen but not copied yet: (batch, row) ...
type Merge struct {
	config  Config
	cursors []*cursor
	tree    *keys.Merge[*cursor]
	batches []columnar.Batch
	static  int // of batches: those of runs in memory
	rows    *columnar.Interleaver
	places  []columnar.Place
}

// Open merges the rows of all whose keys are at least lower and below upper; a nil bound is open. All have the same Config but for memory.
// ctx bounds the life of the Merge. What cannot be read gives a LostError, here or by Next.
func Open(ctx context.Context, all []*Sorted, lower, upper []byte) (*Merge, error) {
	var cursors []*cursor
	for i, s := range all {
		more, err := openRuns(ctx, all[0].config, s.runs, lower, upper)
		if err != nil {
			return nil, errors.Join(&LostError{Sorted: i, Err: err}, newMerge(all[0].config, cursors).Close())
		}
		for _, cur := range more {
			cur.lost = func(err error) error { return &LostError{Sorted: i, Err: err} }
		}
		cursors = append(cursors, more...)
	}
	if len(cursors) == 0 {
		return &Merge{}, nil
	}
	return newMerge(all[0].config, cursors), nil
}

// LostError says that rows of a Sorted cannot be read back.
type LostError struct {
	Sorted int // which of those that Open was given
	Err    error
}

// Error gives the cause.
func (e *LostError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

func openRuns(ctx context.Context, c Config, runs []*run, lower, upper []byte) ([]*cursor, error) {
	var cursors []*cursor
	for _, r := range runs {
		cur, err := r.open(ctx, c, lower, upper)
		if err != nil {
			return nil, errors.Join(err, newMerge(c, cursors).Close())
		}
		cursors = append(cursors, cur)
	}
	return cursors, nil
}

func newMerge(c Config, cursors []*cursor) *Merge {
	m := &Merge{config: c, cursors: cursors, places: make([]columnar.Place, 0, batchRows)}
	for _, cur := range cursors {
		cur.base = uint32(len(m.batches))
		m.batches = append(m.batches, cur.run.batches...)
		cur.enter = m.enter
	}
	m.static = len(m.batches)
	return m
}

// enter gives a cursor's new batch a number that places can name.
func (m *Merge) enter(c *cursor) {
	c.slot = uint32(len(m.batches))
	m.batches = append(m.batches, c.batch)
	m.rows = nil
}

// Next returns the next rows in order, as a fresh batch; false at the end.
func (m *Merge) Next() (columnar.Batch, bool, error) {
	if len(m.cursors) == 0 {
		return columnar.Batch{}, false, nil
	}
	if m.tree == nil {
		tree, err := keys.NewMerge(m.cursors)
		if err != nil {
			return columnar.Batch{}, false, err
		}
		m.tree = tree
	}
	if err := m.choose(); err != nil {
		return columnar.Batch{}, false, err
	}
	if len(m.places) == 0 {
		return columnar.Batch{}, false, nil
	}
	if m.rows == nil {
		m.rows = columnar.NewInterleaver(m.config.Schema, m.batches)
	}
	n := m.rows.Fit(m.places, batchBytes)
	b := m.rows.Take(m.places[:n])
	m.places = m.places[:copy(m.places, m.places[n:])]
	m.forget()
	return b, true, nil
}

// choose finds the next rows in order, up to a batch of them.
func (m *Merge) choose() error {
	for len(m.places) < batchRows && m.tree.More() {
		m.places = append(m.places, m.cursors[m.tree.Run()].place())
		if err := m.tree.Next(); err != nil {
			return err
		}
	}
	return nil
}

// forget drops the batches of runs on disk that no place and no cursor needs any more.
func (m *Merge) forget() {
	if len(m.places) > 0 || len(m.batches) == m.static {
		return
	}
	clear(m.batches[m.static:])
	m.batches, m.rows = m.batches[:m.static], nil
	for _, c := range m.cursors {
		if c.isLive() {
			m.enter(c)
		}
	}
}

// Close ends the reading of runs on disk.
func (m *Merge) Close() error {
	var errs []error
	for _, c := range m.cursors {
		errs = append(errs, c.close())
	}
	m.cursors = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing sorted runs: %w", err)
	}
	return nil
}
