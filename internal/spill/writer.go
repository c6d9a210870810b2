package spill

import (
	"context"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/block"
	"github.com/millrace/millrace/vfs"
)

const (
	// partitionBuffers bounds the plain bytes that a Partitioned holds for all its runs, as far as leastBlock allows.
	partitionBuffers = 4 << 20
	// leastBlock is the plain size below which a block is not written early.
	leastBlock = 16 << 10
)

// Writer writes one run. End it by Finish or Abort.
type Writer struct{ p *Partitioned }

// Append adds the rows of b that count. b is borrowed until it returns.
func (w *Writer) Append(b columnar.Batch) error { return w.p.Append(0, b) }

// Finish returns the run written.
func (w *Writer) Finish() (*Run, error) {
	runs, err := w.p.Finish()
	if err != nil {
		return nil, err
	}
	return runs[0], nil
}

// Abort removes what was written. After Finish it does nothing.
func (w *Writer) Abort() error { return w.p.Abort() }

// Partitioned writes many runs into one file. Runs may be written in any order; one that is appended to, and ended, before the next lies in
// the file without gaps. End it by Finish or Abort.
type Partitioned struct {
	file    *file
	out     vfs.Writer
	encoder *block.Encoder
	target  int // plain bytes of a block
	held    int64
	parts   []part
	offset  int64
	done    bool
}

// part is one run being written.
type part struct {
	builder *columnar.BatchBuilder // rows not written yet; nil: none ever
	blocks  []extent
	rows    int64
	bytes   int64
}

func newPartitioned(f *file, out vfs.Writer, schema *columnar.Schema, n, blockBytes, atATime int) *Partitioned {
	o := f.manager.opts
	p := &Partitioned{file: f, out: out, encoder: block.NewEncoder(schema, o.Codec), parts: make([]part, n), target: blockBytes}
	p.held = int64(blockBytes) * int64(atATime+2) // rows of each run appended to; one block plain, and stored
	o.Memory.Force(p.held)
	return p
}

// Append adds the rows of b that count to run number run. b is borrowed until it returns.
func (p *Partitioned) Append(run int, b columnar.Batch) error {
	rows := b.Rows()
	if rows == 0 {
		return nil
	}
	p.parts[run].rows += int64(rows)
	size := int(int64(b.Size()) * int64(rows) / int64(b.Len))
	pieces := max(1, (size+p.target/2)/p.target)
	step := (rows + pieces - 1) / pieces
	for from := 0; from < rows; from += step {
		if err := p.appendPiece(run, b.Slice(from, min(step, rows-from)), size/pieces); err != nil {
			return err
		}
	}
	return nil
}

// appendPiece adds rows of about so many bytes, at most those of a block and a half: as a block, unless it or the rows collected before it
// would make a tiny one; then to those collected.
func (p *Partitioned) appendPiece(run int, b columnar.Batch, size int) error {
	part := &p.parts[run]
	if size >= p.target/2 && (part.empty() || part.builder.Size() >= p.target/4) {
		if err := p.EndRun(run); err != nil {
			return err
		}
		return p.write(run, b)
	}
	if part.builder == nil {
		part.builder = columnar.NewBatchBuilder(p.encoder.Schema(), 0)
	}
	part.builder.Append(b, b.Sel)
	if part.builder.Size() < p.target {
		return nil
	}
	return p.writeBuilt(run)
}

func (t *part) empty() bool { return t.builder == nil || t.builder.Len() == 0 }

// writeBuilt writes the rows that a run has collected.
func (p *Partitioned) writeBuilt(run int) error { return p.write(run, p.parts[run].builder.Finish()) }

// EndRun writes what a run has collected, so that its last rows stand behind the others and not at the end of the file.
func (p *Partitioned) EndRun(run int) error {
	if p.parts[run].empty() {
		return nil
	}
	return p.writeBuilt(run)
}

// AppendRun adds the rows of a finished run of the same schema to run number run, as blocks, which are not decoded. Their headers stay as
// they are.
func (p *Partitioned) AppendRun(ctx context.Context, run int, from *Run) error {
	if err := p.EndRun(run); err != nil {
		return err
	}
	part := &p.parts[run]
	offset := p.offset
	for _, b := range from.blocks {
		part.blocks = append(part.blocks, extent{offset: offset, length: b.length, rows: b.rows})
		offset += int64(b.length)
	}
	part.rows += from.rows
	part.bytes += from.bytes
	_, err := from.CopyTo(ctx, writerFunc(p.writeOut))
	return err
}

// writerFunc is a function as an io.Writer.
type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// writeOut writes to the file's end.
func (p *Partitioned) writeOut(b []byte) (int, error) {
	n, err := p.out.Write(b)
	p.offset += int64(n)
	p.file.manager.counts.bytes.Add(int64(n))
	if err != nil {
		return n, p.file.failed("writing", err)
	}
	return n, nil
}

// write writes b as one block of a run.
func (p *Partitioned) write(run int, b columnar.Batch) error {
	part := &p.parts[run]
	encoded, err := p.encoder.Block(uint32(run), uint64(len(part.blocks)), b)
	if err != nil {
		return p.file.failed("encoding", err)
	}
	part.blocks = append(part.blocks, extent{offset: p.offset, length: int32(len(encoded)), rows: int32(b.Rows())})
	part.bytes += int64(len(encoded))
	_, err = p.writeOut(encoded)
	return err
}

// Finish writes what is buffered and returns the runs, one for each partition, some perhaps without rows. Remove them one by one. After an
// error, Abort.
func (p *Partitioned) Finish() ([]*Run, error) {
	for run := range p.parts {
		if err := p.EndRun(run); err != nil {
			return nil, err
		}
	}
	if err := p.out.Close(); err != nil {
		return nil, p.file.failed("closing", err)
	}
	schema := p.encoder.Schema()
	p.end()
	p.file.runs.Store(int32(len(p.parts)))
	runs := make([]*Run, len(p.parts))
	for i, part := range p.parts {
		runs[i] = &Run{file: p.file, schema: schema, blocks: part.blocks, rows: part.rows, bytes: part.bytes}
		if part.rows > 0 {
			p.file.manager.counts.runs.Add(1)
			p.file.manager.counts.rows.Add(part.rows)
		}
	}
	return runs, nil
}

// Abort removes what was written. After Finish it does nothing.
func (p *Partitioned) Abort() error {
	if p.done {
		return nil
	}
	p.end()
	if err := p.out.Abort(); err != nil {
		return p.file.failed("removing", err)
	}
	return nil
}

// end gives the buffers back.
func (p *Partitioned) end() {
	p.done = true
	p.encoder = nil
	p.file.manager.opts.Memory.Release(p.held)
}
