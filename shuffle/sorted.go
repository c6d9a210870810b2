package shuffle

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/spill"
)

// SortedConfig is what a sorted exchange works with.
type SortedConfig struct {
	Schema  *columnar.Schema
	Columns []int
	Orders  []keys.Order    // one a column
	Memory  *budget.Account // belongs to the output, and is closed by its Release
	Spill   *spill.Manager
	Name    string // for scratch files and messages
}

func (c SortedConfig) encoder() *keys.SortEncoder {
	return keys.NewSortEncoder(c.Schema.Select(c.Columns).Fields, c.Orders)
}

// keysOf returns the sort keys of all b.Len rows.
func (c SortedConfig) keysOf(e *keys.SortEncoder, b columnar.Batch) columnar.Column {
	cols := make([]columnar.Column, len(c.Columns))
	for i, k := range c.Columns {
		cols[i] = b.Columns[k]
	}
	return e.Encode(cols, nil, b.Len)
}

// SortedWriter is the producing end of an edge that is cut by range. It takes sorted runs, one after another, and keeps them as they are: where
// the ranges are cut is decided when all producers are done and the keys of all are known, and each consumer then takes its slice of each run.
// So rows that are sorted cross the exchange once, and are neither partitioned nor written twice.
//
// A run ends where a key is smaller than the one before. Runs stay in memory while the budget lasts, and go to scratch files when not.
type SortedWriter struct {
	ctx      context.Context //nolint:containedctx // the task's life
	config   SortedConfig
	encoder  *keys.SortEncoder
	output   SortedOutput
	current  *sortedRun
	spilling *spill.Writer // of the current run; nil: it is in memory
	facts    Facts
	sample   sampler
}

// sortedRun is one sorted run: pieces in order, in memory or all in one scratch run.
type sortedRun struct {
	pieces []piece
	rows   int64
	run    *spill.Run // nil: in memory
}

// piece is consecutive rows of a run.
type piece struct {
	batch       columnar.Batch // in memory
	from        int64          // the number of its first row in the run
	first, last []byte         // sort keys
}

// NewSortedWriter returns the end of one producer. Ctx is the task's.
func NewSortedWriter(ctx context.Context, c SortedConfig) *SortedWriter {
	w := &SortedWriter{ctx: ctx, config: c, encoder: c.encoder(), facts: Facts{Rows: make([]int64, 1), Bytes: make([]int64, 1)}}
	w.output.config = c
	w.sample.stride = 1
	return w
}

// HasRoom implements Writer: a blocking edge has room on disk.
func (*SortedWriter) HasRoom() bool { return true }

// Write implements Writer.
func (w *SortedWriter) Write(b columnar.Batch, fresh bool) error {
	if !fresh {
		b = b.Clone()
	}
	b = b.Compact()
	k := w.config.keysOf(w.encoder, b)
	p := piece{batch: b, first: bytes.Clone(k.Bytes(0)), last: bytes.Clone(k.Bytes(b.Len - 1))}
	if w.current == nil || bytes.Compare(p.first, w.current.pieces[len(w.current.pieces)-1].last) < 0 {
		if err := w.endRun(); err != nil {
			return err
		}
		w.current = &sortedRun{}
	}
	w.sample.add(&k)
	w.facts.Rows[0] += int64(b.Len)
	w.facts.Bytes[0] += int64(b.Size())
	return w.add(p)
}

// add puts a piece behind the current run, in memory if it may stay there.
func (w *SortedWriter) add(p piece) error {
	p.from = w.current.rows
	w.current.rows += int64(p.batch.Len)
	if w.spilling == nil && !w.config.Memory.TryGrow(int64(p.batch.Size())) {
		if err := w.spillCurrent(); err != nil {
			return err
		}
	}
	if w.spilling != nil {
		if err := w.spilling.Append(p.batch); err != nil {
			return err
		}
		p.batch = columnar.Batch{}
	}
	w.current.pieces = append(w.current.pieces, p)
	return nil
}

// spillCurrent moves the current run to a scratch file, where the rest of it will follow.
func (w *SortedWriter) spillCurrent() error {
	out, err := w.config.Spill.NewWriter(w.ctx, w.config.Name, w.config.Schema)
	if err != nil {
		return err
	}
	w.spilling = out
	for i := range w.current.pieces {
		p := &w.current.pieces[i]
		if err := out.Append(p.batch); err != nil {
			return err
		}
		w.config.Memory.Release(int64(p.batch.Size()))
		p.batch = columnar.Batch{}
	}
	return nil
}

func (w *SortedWriter) endRun() error {
	if w.current == nil {
		return nil
	}
	if w.spilling != nil {
		run, err := w.spilling.Finish()
		if err != nil {
			return err
		}
		w.current.run, w.spilling = run, nil
	}
	w.output.runs = append(w.output.runs, w.current)
	w.current = nil
	return nil
}

// Flush implements Writer.
func (*SortedWriter) Flush() error { return nil }

// Close implements Writer.
func (w *SortedWriter) Close() (Facts, error) {
	if err := w.endRun(); err != nil {
		return Facts{}, err
	}
	w.facts.Keys = w.sample.keys
	return w.facts, nil
}

// Abort implements Writer.
func (w *SortedWriter) Abort() {
	if w.spilling != nil {
		_ = w.spilling.Abort() // the scratch folder goes with the job
	}
	_ = w.output.Release(context.WithoutCancel(w.ctx))
}

// Sorted returns what was written, after Close.
func (w *SortedWriter) Sorted() *SortedOutput { return &w.output }

// maxSample bounds the keys that one producer samples.
const maxSample = 4096

// sampler keeps every stride-th key; when there are too many it forgets every other one and doubles the stride.
type sampler struct {
	keys   [][]byte
	stride int
	skip   int // rows until the next sample
}

func (s *sampler) add(k *columnar.Column) {
	i := s.skip
	for ; i < k.Len; i += s.stride {
		s.keys = append(s.keys, bytes.Clone(k.Bytes(i)))
		if len(s.keys) == maxSample {
			for j := range maxSample / 2 {
				s.keys[j] = s.keys[2*j+1]
			}
			s.keys = s.keys[:maxSample/2]
			s.stride *= 2
		}
	}
	s.skip = i - k.Len
}

// SortedOutput is what one producer left on an edge that is cut by range.
type SortedOutput struct {
	config SortedConfig
	runs   []*sortedRun
}

// Release gives memory and files up.
func (o *SortedOutput) Release(ctx context.Context) error {
	var errs []error
	for _, r := range o.runs {
		if r.run != nil {
			errs = append(errs, r.run.Remove(ctx))
			continue
		}
		for _, p := range r.pieces {
			o.config.Memory.Release(int64(p.batch.Size()))
		}
	}
	o.runs = nil
	o.config.Memory.Close()
	return errors.Join(errs...)
}

// cursor walks the rows of one run whose keys are in [lower, upper), piece by piece. It implements keys.Run.
type cursor struct {
	config       SortedConfig
	encoder      *keys.SortEncoder
	run          *sortedRun
	next         int // piece to load
	lower, upper []byte
	reader       *spill.Reader // of a run on disk, positioned at piece next
	batch        columnar.Batch
	keys         columnar.Column
	row, end     int
	loaded       func(*cursor) // is told of each new batch
	number       uint32        // of the batch, given by loaded
	rowBytes     int           // of a row of the batch, about
}

// open returns a cursor before the run's first row in range; nil when there is none.
func (r *sortedRun) open(ctx context.Context, c SortedConfig, lower, upper []byte) (*cursor, error) {
	cur := &cursor{config: c, encoder: c.encoder(), run: r, lower: lower, upper: upper}
	for cur.next < len(r.pieces) && lower != nil && bytes.Compare(r.pieces[cur.next].last, lower) < 0 {
		cur.next++
	}
	if cur.next == len(r.pieces) {
		return nil, nil
	}
	if r.run != nil {
		reader, err := r.run.OpenAt(ctx, r.pieces[cur.next].from)
		if err != nil {
			return nil, err
		}
		cur.reader = reader
	}
	return cur, nil
}

// load makes the next batch of the run current; false: no row that follows is in range.
func (c *cursor) load() (bool, error) {
	if c.reader != nil {
		b, err := c.reader.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		c.batch = b
	} else {
		if c.next == len(c.run.pieces) {
			return false, nil
		}
		c.batch = c.run.pieces[c.next].batch
		c.next++
	}
	c.keys = c.config.keysOf(c.encoder, c.batch)
	c.row, c.end, c.rowBytes = 0, c.batch.Len, c.batch.Size()/c.batch.Len
	c.loaded(c)
	if c.lower != nil {
		c.row = search(&c.keys, c.lower)
	}
	if c.upper != nil {
		c.end = search(&c.keys, c.upper)
	}
	return c.end > 0, nil
}

// search returns the first row whose key is not smaller than bound.
func search(k *columnar.Column, bound []byte) int {
	lo, hi := 0, k.Len
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if bytes.Compare(k.Bytes(mid), bound) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Next implements keys.Run.
func (c *cursor) Next() (bool, error) {
	c.row++
	return c.settle()
}

// settle loads batches until the current row is one in range.
func (c *cursor) settle() (bool, error) {
	for c.row >= c.end {
		if more, err := c.load(); !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Key implements keys.Run.
func (c *cursor) Key() []byte { return c.keys.Bytes(c.row) }

func (c *cursor) close() error {
	if c.reader == nil {
		return nil
	}
	return c.reader.Close()
}
