package arrowipc

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
)

const (
	magic = "ARROW1"
	// maxGrowth bounds what is allocated for a file by its size: LZ4 makes at most 255 bytes of one.
	maxGrowth = 255
	minMemory = 64 << 20
)

// file is an open file or stream.
type file struct {
	in      formats.Input
	columns *columnar.Schema
	batches int // of a file
	file    *ipc.FileReader
	stream  *ipc.Reader
}

// guarded calls f and makes an error of a panic, which Arrow's library has for many kinds of damage.
func guarded(name string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading %s: it is damaged: %v", name, p)
		}
	}()
	err = f()
	if err != nil && err != io.EOF { //nolint:errorlint // the end is bare
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return err
}

// bounded is Go's memory, up to a size that the file can be worth.
type bounded struct {
	memory.GoAllocator
	most int
}

func (b *bounded) Allocate(n int) []byte {
	b.check(n)
	return b.GoAllocator.Allocate(n)
}

func (b *bounded) Reallocate(n int, p []byte) []byte {
	b.check(n)
	return b.GoAllocator.Reallocate(n, p)
}

func (b *bounded) check(n int) {
	if n < 0 || n > b.most {
		panic(fmt.Errorf("a buffer of %d bytes", n))
	}
}

// open reads the schema.
func open(in formats.Input) (*file, error) {
	f := &file{in: in}
	return f, guarded(in.Name(), f.open)
}

func (f *file) open() error {
	head := make([]byte, len(magic))
	if err := fill(f.in, head, 0); err != nil {
		return err
	}
	if err := verify(f.in, string(head) == magic); err != nil {
		return err
	}
	section := io.NewSectionReader(f.in, 0, f.in.Size())
	mem := ipc.WithAllocator(&bounded{most: int(max(minMemory, min(f.in.Size(), 1<<40)*maxGrowth))})
	var schema *arrow.Schema
	var err error
	if string(head) == magic {
		if f.file, err = ipc.NewFileReader(section, mem); err != nil {
			return err
		}
		schema, f.batches = f.file.Schema(), f.file.NumRecords()
		if int64(f.batches) > f.in.Size()/8 {
			return fmt.Errorf("%d record batches in %d bytes", f.batches, f.in.Size())
		}
	} else {
		if f.stream, err = ipc.NewReader(section, mem); err != nil {
			return err
		}
		schema = f.stream.Schema()
	}
	f.columns, err = schemaOf(schema)
	return err
}

// begin is where batch i of a file counts as beginning.
func (f *file) begin(i int) int64 {
	if f.batches == 0 {
		return 0
	}
	return int64(float64(f.in.Size()) * float64(i) / float64(f.batches))
}

func (f *file) split(target int64) []formats.Range {
	ranges := []formats.Range{{}}
	for i := 1; i < f.batches; i++ {
		if at := f.begin(i); target > 0 && at-ranges[len(ranges)-1].From >= target {
			ranges[len(ranges)-1].To = at
			ranges = append(ranges, formats.Range{From: at})
		}
	}
	ranges[len(ranges)-1].To = f.in.Size()
	return ranges
}

// record returns batch i; io.EOF behind the last. Batches of a stream come in order.
func (f *file) record(i int) (arrow.Record, error) {
	if f.file == nil {
		return f.stream.Read()
	}
	if i >= f.batches {
		return nil, io.EOF
	}
	return f.file.RecordAt(i)
}

func (f *file) close() error {
	if f.file != nil {
		return f.file.Close()
	}
	return nil
}

// reader reads the record batches of a range.
type reader struct {
	*file
	match
	want    formats.Range
	maxRows int

	next  int // the next record batch
	batch columnar.Batch
	row   int   // of batch: the next to be returned
	rows  int64 // of a stream: returned or left out
	skip  int64
	done  bool
}

func newReader(in formats.Input, r formats.Range, o formats.ReadOptions) (*reader, error) {
	f, err := open(in)
	if err != nil {
		return nil, err
	}
	a := &reader{file: f, want: r, skip: r.Skip, maxRows: cmp.Or(o.Rows, columnar.DefaultRows)}
	if a.match, err = newMatch(f.columns, o.Schema); err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.Name(), err)
	}
	for f.file != nil && a.next < f.batches && f.begin(a.next) < r.From {
		a.next++
	}
	a.done = f.file == nil && r.From > 0
	return a, nil
}

// Next returns the next rows, at most a record batch.
func (a *reader) Next(ctx context.Context) (columnar.Batch, error) {
	if err := ctx.Err(); err != nil {
		return columnar.Batch{}, err
	}
	for a.row == a.batch.Len {
		if err := a.load(); err != nil {
			return columnar.Batch{}, err
		}
		a.rows += min(a.skip, int64(a.batch.Len))
		a.row = int(min(a.skip, int64(a.batch.Len)))
		a.skip -= int64(a.row)
	}
	n := min(a.maxRows, a.batch.Len-a.row)
	b := a.batch.Slice(a.row, n)
	a.row += n
	a.rows += int64(n)
	return b, nil
}

// load reads the next record batch; io.EOF behind the last of the range.
func (a *reader) load() error {
	if a.done || a.file.file != nil && (a.next >= a.batches || a.begin(a.next) >= a.want.To) {
		a.done = true
		return io.EOF
	}
	err := guarded(a.in.Name(), func() error {
		rec, err := a.record(a.next)
		if err != nil {
			return err
		}
		a.next++
		a.row = 0
		a.batch, err = a.batchOf(rec)
		return err
	})
	if err == io.EOF { //nolint:errorlint // guarded returns it bare
		a.done = true
	}
	return err
}

// batchOf returns the columns wanted of a record batch.
func (a *reader) batchOf(rec arrow.Record) (columnar.Batch, error) {
	if n := rec.NumRows(); n < 0 || len(a.schema.Fields) == 0 && n > a.in.Size()*maxGrowth*8 {
		return columnar.Batch{}, fmt.Errorf("a record batch of %d rows", n)
	}
	b, err := a.match.batch(rec)
	if err != nil {
		err = fmt.Errorf("record batch %d, %w", a.next-1, err)
	}
	return b, err
}

// Position is the record batch and the rows of it that were returned; of streams, the rows from the start.
func (a *reader) Position() formats.Position {
	switch {
	case a.done:
		return formats.Position{Offset: a.want.To}
	case a.file.file == nil:
		return formats.Position{Row: a.rows + a.skip}
	case a.row < a.batch.Len:
		return formats.Position{Offset: a.begin(a.next - 1), Row: int64(a.row)}
	case a.next >= a.batches:
		return formats.Position{Offset: a.want.To}
	default:
		return formats.Position{Offset: a.begin(a.next), Row: a.skip}
	}
}

// Done counts record batches.
func (a *reader) Done() int64 {
	if a.file.file == nil {
		if a.done {
			return a.in.Size()
		}
		return 0
	}
	return max(0, min(a.begin(a.next), a.want.To)-a.want.From)
}

// Close releases the file's index.
func (a *reader) Close() error { return a.close() }
