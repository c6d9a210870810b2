package sorting

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/spill"
)

// Sorted is sorted runs.
type Sorted struct {
	config Config
	runs   []*run
	held   int64 // bytes taken from the account
}

// run is rows in order: in memory or on disk.
type run struct {
	batches []columnar.Batch // in memory: as they came
	keys    []columnar.Column
	entries []keys.Entry

	disk   *spill.Run // on disk
	pieces []piece
}

// piece is consecutive rows of a run on disk.
type piece struct {
	row  int64  // the number of its first row in the run
	last []byte // sort key of its last row
}

// Sample returns about n sort keys, evenly spread over the rows of each run; of a run on disk no more than it has pieces.
func (s *Sorted) Sample(n int) [][]byte {
	var out [][]byte
	for _, r := range s.runs {
		share := max(1, n/len(s.runs))
		if r.disk != nil {
			for i := 0; i < len(r.pieces); i += max(1, len(r.pieces)/share) {
				out = append(out, r.pieces[i].last)
			}
			continue
		}
		for i := 0; i < len(r.entries); i += max(1, len(r.entries)/share) {
			out = append(out, r.key(i))
		}
	}
	return out
}

// key returns the sort key of row i of a run in memory.
func (r *run) key(i int) []byte {
	e := r.entries[i]
	return r.keys[e.Batch].Bytes(int(e.Row))
}

// Name returns what the rows are called in messages.
func (s *Sorted) Name() string { return s.config.Name }

// Spilled returns the bytes on disk.
func (s *Sorted) Spilled() int64 {
	var n int64
	for _, r := range s.runs {
		if r.disk != nil {
			n += r.disk.Bytes()
		}
	}
	return n
}

// Release gives memory and files up, and closes the account. Merges must be closed before.
func (s *Sorted) Release(ctx context.Context) error {
	var errs []error
	for _, r := range s.runs {
		if r.disk != nil {
			errs = append(errs, r.disk.Remove(ctx))
		}
	}
	s.config.Memory.Release(s.held)
	s.config.Memory.Close()
	s.runs, s.held = nil, 0
	return errors.Join(errs...)
}

// cursor walks the rows of one run whose keys are at least lower and below upper; nil bounds are open. It implements keys.Run.
type cursor struct {
	encoder *encoder
	run     *run

	next, end int // in memory: entries

	reader       *spill.Reader // on disk
	lower, upper []byte
	batch        columnar.Batch
	keys         columnar.Column
	row, rows    int

	base  uint32        // in memory: the number of the run's first batch among a merge's
	slot  uint32        // on disk: the number of batch among a merge's
	enter func(*cursor) // on disk: is told of each new batch

	lost func(error) error // on disk: says whose rows an error is about; nil: nobody asks
}

// all returns a cursor over all rows of a run in memory.
func (r *run) all(e *encoder) *cursor {
	return &cursor{encoder: e, run: r, next: -1, end: len(r.entries)}
}

// open returns a cursor over a range of a run.
func (r *run) open(ctx context.Context, c Config, lower, upper []byte) (*cursor, error) {
	cur := r.all(newEncoder(c))
	if r.disk == nil {
		if lower != nil {
			cur.next = r.search(lower) - 1
		}
		if upper != nil {
			cur.end = r.search(upper)
		}
		return cur, nil
	}
	first := 0
	for lower != nil && first < len(r.pieces) && bytes.Compare(r.pieces[first].last, lower) < 0 {
		first++
	}
	from := r.disk.Rows()
	if first < len(r.pieces) {
		from = r.pieces[first].row
	}
	reader, err := r.disk.OpenAt(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("opening a sorted run: %w", err)
	}
	cur.reader, cur.lower, cur.upper, cur.row = reader, lower, upper, -1
	return cur, nil
}

// search returns the first entry of a run in memory whose key is not below bound.
func (r *run) search(bound []byte) int {
	return sort.Search(len(r.entries), func(i int) bool { return bytes.Compare(r.key(i), bound) >= 0 })
}

// Next implements keys.Run.
func (c *cursor) Next() (bool, error) {
	if c.reader == nil {
		c.next++
		return c.next < c.end, nil
	}
	c.row++
	for c.row >= c.rows {
		more, err := c.load()
		if !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

// load reads the next batch of a run on disk; false: no row that follows is in range.
func (c *cursor) load() (bool, error) {
	b, err := c.reader.Next()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, c.failed(fmt.Errorf("reading a sorted run: %w", err))
	}
	c.batch = b
	c.keys, _ = c.encoder.keys(b)
	c.row, c.rows = 0, b.Len
	if c.lower != nil {
		c.row = searchColumn(&c.keys, c.lower)
		if c.row < b.Len { // all that follows is in range; a piece may be several blocks, the first of them below it
			c.lower = nil
		}
	}
	if c.upper != nil {
		c.rows = searchColumn(&c.keys, c.upper)
	}
	c.enter(c)
	return c.rows > 0, nil
}

func (c *cursor) failed(err error) error {
	if c.lost == nil {
		return err
	}
	return c.lost(err)
}

// searchColumn returns the first row whose key is not below bound.
func searchColumn(k *columnar.Column, bound []byte) int {
	return sort.Search(k.Len, func(i int) bool { return bytes.Compare(k.Bytes(i), bound) >= 0 })
}

// Key implements keys.Run.
func (c *cursor) Key() []byte {
	if c.reader == nil {
		return c.run.key(c.next)
	}
	return c.keys.Bytes(c.row)
}

// Prefix implements keys.Run.
func (c *cursor) Prefix() uint64 {
	if c.reader == nil {
		return c.run.entries[c.next].Prefix
	}
	return keys.Prefix(c.keys.Bytes(c.row))
}

// place returns where the current row is among a merge's batches.
func (c *cursor) place() columnar.Place {
	if c.reader == nil {
		e := c.run.entries[c.next]
		return columnar.Place{Batch: c.base + e.Batch, Row: e.Row}
	}
	return columnar.Place{Batch: c.slot, Row: uint32(c.row)}
}

// isLive says whether the current batch of a run on disk still has rows to give.
func (c *cursor) isLive() bool { return c.reader != nil && c.row >= 0 && c.row < c.rows }

func (c *cursor) close() error {
	if c.reader == nil {
		return nil
	}
	return c.reader.Close()
}
