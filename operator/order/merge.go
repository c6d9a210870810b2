package order

import (
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/spill"
)

const (
	// cursorBytes is about what a spilled run costs while it is merged: what is read ahead, a batch, its keys.
	cursorBytes = 1 << 20
	// leastFan and mostFan bound the runs merged at once.
	leastFan, mostFan = 8, 64
)

// fan returns how many runs are merged at once: as many as fit where the largest run was.
func (o *Operator) fan() int { return int(min(max(o.largest/cursorBytes, leastFan), mostFan)) }

// narrow merges neighbouring runs until there are few enough for one merge.
func (o *Operator) narrow(runs []*spill.Run) ([]*spill.Run, error) {
	for fan := o.fan(); len(runs) > fan; {
		var fewer []*spill.Run
		for from := 0; from < len(runs); from += fan {
			r, err := o.mergeSpilled(runs[from:min(from+fan, len(runs))])
			if err != nil {
				return nil, err
			}
			fewer = append(fewer, r)
		}
		runs = fewer
	}
	return runs, nil
}

// mergeSpilled merges runs into one, and removes them.
func (o *Operator) mergeSpilled(runs []*spill.Run) (*spill.Run, error) {
	if len(runs) == 1 {
		return runs[0], nil
	}
	m, err := o.merge(runs, nil)
	if err != nil {
		return nil, err
	}
	merged, err := writeRun(o.env, m.next)
	if err = errors.Join(err, m.close()); err != nil {
		return nil, err
	}
	for _, r := range runs {
		if err := r.Remove(o.env.Context); err != nil {
			return nil, fmt.Errorf("removing a sorted run: %w", err)
		}
	}
	return merged, nil
}

// merge merges sorted batches: of spilled runs, then of rows in memory. Rows are copied from the batches that the cursors are in; a batch
// stays among those until all its rows have been copied.
//
//	live     run 0's batch | run 1's batch | ... | run 0's next batch, after its first was used up | ...
//	places   (0,0) (1,0) (1,1) (0,1) ...   rows merged but not copied yet
type merge struct {
	o       *Operator
	cursors []*cursor
	tree    *keys.Merge[*cursor]
	live    []columnar.Batch
	places  []columnar.Place
	bytes   float64 // of the rows at places, about
}

// cursor is a run while it is merged. It implements keys.Run.
type cursor struct {
	m      *merge
	source func() (columnar.Batch, error) // io.EOF at the end
	close  func() error
	batch  columnar.Batch
	keys   columnar.Column
	slot   uint32 // of batch in m.live
	row    int
	each   float64 // bytes of a row, on average
}

// merge begins to merge spilled runs and, behind them, sorted rows in memory, if any.
func (o *Operator) merge(runs []*spill.Run, rest *run) (m *merge, err error) {
	m = &merge{o: o, places: make([]columnar.Place, 0, batchRows)}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	for _, r := range runs {
		reader, err := r.Open(o.env.Context)
		if err != nil {
			return m, fmt.Errorf("opening a sorted run: %w", err)
		}
		m.cursors = append(m.cursors, &cursor{m: m, source: reader.Next, close: reader.Close, row: -1})
	}
	if rest != nil {
		m.cursors = append(m.cursors, &cursor{m: m, source: rest.source, row: -1})
	}
	if m.tree, err = keys.NewMerge(m.cursors); err != nil {
		return m, fmt.Errorf("reading a sorted run: %w", err)
	}
	return m, nil
}

// source is next with io.EOF at the end.
func (r *run) source() (columnar.Batch, error) {
	b, ok, err := r.next()
	if err == nil && !ok {
		err = io.EOF
	}
	return b, err
}

// Next implements keys.Run.
func (c *cursor) Next() (bool, error) {
	if c.row++; c.row < c.batch.Len {
		return true, nil
	}
	b, err := c.source()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.batch, c.row = b, 0
	c.keys, _ = c.m.o.encoder.keys(b)
	c.each = float64(b.Size()) / float64(b.Len)
	c.slot = uint32(len(c.m.live))
	c.m.live = append(c.m.live, b)
	return true, nil
}

// Key implements keys.Run.
func (c *cursor) Key() []byte { return c.keys.Bytes(c.row) }

// next returns the next merged batch, fresh; false at the end.
func (m *merge) next() (columnar.Batch, bool, error) {
	for m.tree.More() && len(m.places) < batchRows && m.bytes < batchBytes {
		c := m.cursors[m.tree.Run()]
		m.places = append(m.places, columnar.Place{Batch: c.slot, Row: uint32(c.row)})
		m.bytes += c.each
		if err := m.tree.Next(); err != nil {
			return columnar.Batch{}, false, fmt.Errorf("reading a sorted run: %w", err)
		}
	}
	if len(m.places) == 0 {
		return columnar.Batch{}, false, nil
	}
	b := columnar.NewInterleaver(m.o.env.Inputs[0], m.live).Take(m.places)
	m.forget()
	return b, true, nil
}

// forget keeps of the live batches only those that cursors are in.
func (m *merge) forget() {
	m.places, m.bytes, m.live = m.places[:0], 0, nil
	for _, c := range m.cursors {
		if c.row < c.batch.Len {
			c.slot = uint32(len(m.live))
			m.live = append(m.live, c.batch)
		}
	}
}

// close ends the reading of the runs.
func (m *merge) close() error {
	var errs []error
	for _, c := range m.cursors {
		if c.close != nil {
			errs = append(errs, c.close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing sorted runs: %w", err)
	}
	return nil
}
