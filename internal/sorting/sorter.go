package sorting

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/kept"
	"github.com/millrace/millrace/internal/spill"
)

const (
	// batchRows and batchBytes bound the batches that come out, and the pieces of runs on disk.
	batchRows  = columnar.DefaultRows
	batchBytes = 1 << 20
	// entryBytes is what a row costs in memory beside its columns and its key: its entry, and the key's offset.
	entryBytes = 16 + 4
)

// Config is what is sorted, and with what.
type Config struct {
	Schema  *columnar.Schema
	Columns []int
	Orders  []keys.Order    // one a column
	Memory  *budget.Account // belongs to the Sorted that comes of it, and is closed by its Release
	Spill   *spill.Manager
	Name    string // for scratch files and messages
}

// Sorter takes rows in. End it by Finish or Abort.
type Sorter struct {
	ctx     context.Context //nolint:containedctx // the life of the task that sorts
	config  Config
	encoder *encoder
	rows    *kept.Rows
	keys    []columnar.Column // of rows.Closed()
	keyHeld int64             // bytes counted for keys
	sorted  *Sorted
	largest int64 // bytes of the largest run that was in memory
}

// New returns a Sorter without rows. Ctx bounds its life.
func New(ctx context.Context, c Config) *Sorter {
	return &Sorter{
		ctx: ctx, config: c, encoder: newEncoder(c), rows: kept.New(c.Schema, c.Memory, entryBytes), sorted: &Sorted{config: c},
	}
}

// Add takes the rows of b that count. b is borrowed until it returns, unless it is fresh: then it is given away.
func (s *Sorter) Add(b columnar.Batch, fresh bool) error {
	try, force := s.rows.TryAdd, s.rows.Add
	if fresh {
		try, force = s.rows.TryKeep, s.rows.Keep
	}
	if !try(b) {
		if err := s.spill(); err != nil {
			return err
		}
		force(b)
	}
	s.encode(s.rows.Closed())
	return nil
}

// encode makes the sort keys of the batches that have none yet.
func (s *Sorter) encode(batches []columnar.Batch) {
	for _, b := range batches[len(s.keys):] {
		k, size := s.encoder.keys(b)
		s.keys = append(s.keys, k)
		s.config.Memory.Force(size)
		s.keyHeld += size
	}
}

// spill writes what is kept as a run on disk.
func (s *Sorter) spill() error {
	if s.rows.Len() == 0 {
		return nil
	}
	r := s.memoryRun()
	s.largest = max(s.largest, s.rows.Held()+s.keyHeld)
	m := newMerge(s.config, []*cursor{r.all(s.encoder)})
	out, err := s.write(m)
	if err != nil {
		return err
	}
	s.sorted.runs = append(s.sorted.runs, out)
	s.rows.Free()
	s.config.Memory.Release(s.keyHeld)
	s.keys, s.keyHeld = nil, 0
	return nil
}

// memoryRun sorts what is kept.
func (s *Sorter) memoryRun() *run {
	batches := s.rows.Batches()
	s.encode(batches)
	entries := make([]keys.Entry, 0, s.rows.Len())
	for i := range s.keys {
		entries = keys.AppendEntries(entries, &s.keys[i], uint32(i))
	}
	keys.Sort(entries, s.keys)
	return &run{batches: batches, keys: s.keys, entries: entries}
}

// Finish sorts what is left. The Sorter is not used again.
func (s *Sorter) Finish() (*Sorted, error) {
	if err := s.narrow(); err != nil {
		return nil, err
	}
	if s.rows.Len() > 0 {
		s.sorted.runs = append(s.sorted.runs, s.memoryRun())
	}
	s.sorted.held = s.rows.Held() + s.keyHeld
	return s.sorted, nil
}

// Abort drops everything.
func (s *Sorter) Abort() {
	s.sorted.held = s.rows.Held() + s.keyHeld
	_ = s.sorted.Release(context.WithoutCancel(s.ctx)) // what cannot be removed goes with the scratch folder
}

const (
	// cursorBytes is about what a run on disk costs while it is merged: what is read ahead, a batch, its keys.
	cursorBytes = 1 << 20
	// leastFan and mostFan bound the runs on disk that one Sorter leaves.
	leastFan, mostFan = 8, 64
)

// narrow merges neighbouring runs on disk until there are few enough to be merged at once in the memory that one of them had.
func (s *Sorter) narrow() error {
	fan := int(min(max(s.largest/cursorBytes, leastFan), mostFan))
	for len(s.sorted.runs) > fan {
		var fewer []*run
		for from := 0; from < len(s.sorted.runs); from += fan {
			r, err := s.mergeRuns(s.sorted.runs[from:min(from+fan, len(s.sorted.runs))])
			if err != nil {
				return err
			}
			fewer = append(fewer, r)
		}
		s.sorted.runs = fewer
	}
	return nil
}

// mergeRuns makes one run on disk of several.
func (s *Sorter) mergeRuns(runs []*run) (*run, error) {
	if len(runs) == 1 {
		return runs[0], nil
	}
	cursors, err := openRuns(s.ctx, s.config, runs, nil, nil)
	if err != nil {
		return nil, err
	}
	m := newMerge(s.config, cursors)
	merged, err := s.write(m)
	if err = errors.Join(err, m.Close()); err != nil {
		return nil, err
	}
	for _, r := range runs {
		if err := r.disk.Remove(s.ctx); err != nil {
			return nil, fmt.Errorf("removing a sorted run: %w", err)
		}
	}
	return merged, nil
}

// write writes what m gives as one run on disk.
func (s *Sorter) write(m *Merge) (r *run, err error) {
	w, err := s.config.Spill.NewWriter(s.ctx, s.config.Name, s.config.Schema)
	if err != nil {
		return nil, fmt.Errorf("spilling a sorted run: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("spilling a sorted run: %w", err), w.Abort())
		}
	}()
	r = &run{}
	for row := int64(0); ; {
		b, ok, err := m.Next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		k, _ := s.encoder.keys(b)
		r.pieces = append(r.pieces, piece{row: row, last: bytes.Clone(k.Bytes(b.Len - 1))})
		if err := w.Append(b); err != nil {
			return nil, err
		}
		row += int64(b.Len)
	}
	r.disk, err = w.Finish()
	return r, err
}

// encoder makes sort keys of batches.
type encoder struct {
	columns []int
	inner   *keys.SortEncoder
	plain   bool // the key is the column itself
	picked  []columnar.Column
}

func newEncoder(c Config) *encoder {
	fields := c.Schema.Select(c.Columns).Fields
	e := &encoder{columns: c.Columns, inner: keys.NewSortEncoder(fields, c.Orders), picked: make([]columnar.Column, len(c.Columns))}
	e.plain = len(fields) == 1 && fields[0].Type.IsVariable() && !fields[0].Nullable && !c.Orders[0].Descending
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
