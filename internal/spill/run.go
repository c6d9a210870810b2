package spill

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/block"
	"github.com/millrace/millrace/vfs"
)

// Run is rows on disk. It is immutable; many goroutines may open it.
type Run struct {
	file   *file
	schema *columnar.Schema
	blocks []extent
	rows   int64
	bytes  int64
}

// Rows returns the number of rows.
func (r *Run) Rows() int64 { return r.rows }

// Bytes returns the bytes on disk.
func (r *Run) Bytes() int64 { return r.bytes }

// Schema returns the schema of the batches.
func (r *Run) Schema() *columnar.Schema { return r.schema }

// Remove gives the run up; the file goes with its last run. Call it once, after the run's readers are closed.
func (r *Run) Remove(ctx context.Context) error { return r.file.drop(ctx) }

// Open returns a reader at the run's beginning. ctx bounds the reader's life. A run without rows opens no file.
func (r *Run) Open(ctx context.Context) (*Reader, error) {
	return r.OpenAt(ctx, 0)
}

// OpenAt is Open, but the reader begins with the row of that number. Blocks before it are not read.
func (r *Run) OpenAt(ctx context.Context, row int64) (*Reader, error) {
	reader := &Reader{run: r, decoder: block.NewDecoder(r.schema), skip: row}
	for reader.next < len(r.blocks) && reader.skip >= int64(r.blocks[reader.next].rows) {
		reader.skip -= int64(r.blocks[reader.next].rows)
		reader.next++
	}
	if reader.next == len(r.blocks) {
		return reader, nil
	}
	f, err := r.file.dir.FS.Open(ctx, r.file.path)
	if err != nil {
		return nil, vfs.Unavailable(r.file.failed("opening", err)) // also one that is gone: what was spilled can be made again
	}
	reader.in = f
	reader.hold()
	return reader, nil
}

// CopyTo appends the run's blocks to w as they are, without decoding them, and returns their bytes. Their headers have the run's number as
// channel and count up from 0 as sequence.
func (r *Run) CopyTo(ctx context.Context, w io.Writer) (copied int64, err error) {
	reader, err := r.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	for len(reader.run.blocks) > reader.next {
		chunk, err := reader.fill()
		if err != nil {
			return copied, err
		}
		n, err := w.Write(chunk)
		copied += int64(n)
		if err != nil {
			return copied, err
		}
	}
	return copied, nil
}

// readAhead is the most bytes read at once, unless a single block is larger.
const readAhead = 512 << 10

// Reader reads a run from its beginning to its end. For one goroutine.
type Reader struct {
	run     *Run
	in      vfs.File // nil when the run has no rows
	decoder *block.Decoder
	next    int    // the block after those read
	skip    int64  // rows of the next batch to leave out
	buf     []byte // what was last read
	rest    []byte // of buf: blocks not decoded yet
	at      int64  // offset of rest in the file
	held    int64
}

// Next returns the next batch, which is fresh. At the end the error is io.EOF. A damaged file gives an error that matches
// block.ErrCorrupt.
func (r *Reader) Next() (columnar.Batch, error) {
	if len(r.rest) == 0 {
		if r.next == len(r.run.blocks) {
			return columnar.Batch{}, io.EOF
		}
		at := r.run.blocks[r.next].offset
		rest, err := r.fill()
		if err != nil {
			return columnar.Batch{}, err
		}
		r.rest, r.at = rest, at
	}
	h, b, err := r.decode(r.rest)
	if err != nil {
		return columnar.Batch{}, fmt.Errorf("reading spill file %s at offset %d: %w", r.run.file.url(), r.at, err)
	}
	r.rest = r.rest[h.Size():]
	r.at += int64(h.Size())
	if skip := int(r.skip); skip > 0 {
		r.skip = 0
		return b.Slice(skip, b.Len-skip), nil
	}
	return b, nil
}

// givesAway says whether batches are made of views of what was read: blocks that are not compressed need no other memory.
func (r *Reader) givesAway() bool { return r.run.file.manager.opts.Codec == block.None }

func (r *Reader) decode(src []byte) (block.Header, columnar.Batch, error) {
	if r.givesAway() {
		return r.decoder.DecodeOwned(src)
	}
	return r.decoder.Decode(src)
}

// fill reads the next blocks that lie together, up to readAhead, and returns them.
func (r *Reader) fill() ([]byte, error) {
	blocks := r.run.blocks
	start := blocks[r.next].offset
	end := start
	for r.next < len(blocks) && blocks[r.next].offset == end && (end == start || end+int64(blocks[r.next].length)-start <= readAhead) {
		end += int64(blocks[r.next].length)
		r.next++
	}
	n := int(end - start)
	if n > cap(r.buf) || r.givesAway() {
		r.buf = make([]byte, n)
	}
	r.buf = r.buf[:n]
	got, err := r.in.ReadAt(r.buf, start)
	r.run.file.manager.counts.bytesRead.Add(int64(got))
	if got == n {
		return r.buf, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %s ends at %d of %d", block.ErrCorrupt, r.run.file.url(), start+int64(got), end)
	}
	return nil, vfs.Unavailable(r.run.file.failed("reading", err))
}

// hold counts the buffers.
func (r *Reader) hold() {
	r.held = readAhead
	r.run.file.manager.opts.Memory.Force(r.held)
}

// Close ends the reader. Batches it returned stay valid. Closing twice is allowed.
func (r *Reader) Close() error {
	if r.in == nil {
		return nil
	}
	in := r.in
	r.in, r.buf, r.rest = nil, nil, nil
	r.run.file.manager.opts.Memory.Release(r.held)
	if err := in.Close(); err != nil {
		return r.run.file.failed("closing", err)
	}
	return nil
}
