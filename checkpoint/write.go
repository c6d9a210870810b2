package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/arrowipc"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

const (
	// batchBytes and batchRows are what a record batch of a file has at least, but for the last: small enough to read little too much when
	// groups are divided anew, large enough for the index to be short.
	batchBytes = 1 << 20
	batchRows  = 64 << 10
	// inlineBytes is up to what size the rows of a task are put into the manifest of a checkpoint: a file for some positions is a burden.
	inlineBytes = 16 << 10
)

// errFinal marks failures that trying again does not mend.
var errFinal = errors.New("it cannot be written")

// Place is where a checkpoint is written.
type Place struct {
	ID   stream.CheckpointID
	Kind Kind
	// Root is what paths in the manifest are relative to, and Sub the checkpoint's folder in it: "chk-00000017", of savepoints "".
	Root Folder
	Sub  string
	// Base is the newest complete checkpoint of this incarnation when this one was begun: its files may be referred to. 0: there is none.
	Base stream.CheckpointID
}

// Folder is that of the checkpoint: where its manifest will be.
func (p Place) Folder() Folder { return p.Root.join(p.Sub) }

// OperatorState is what is to be written of one operator in a task.
type OperatorState struct {
	UID    string
	Frozen state.Frozen // nil: it keeps no tables. Not released.
	Blobs  map[string][]byte
	// InFlight is what was on its way to it, by exchange, when the task did not wait for barriers.
	InFlight []InFlight
}

// Writer writes tasks' snapshots for one incarnation of a job. It is safe for concurrent use.
type Writer struct {
	Folder     Folder         // of the job's checkpoints
	Epoch      int64          // of the incarnation
	Codec      arrowipc.Codec // of the files
	MergeBelow int            // bytes; files of checkpoints that are smaller are put together; 0: none are

	merger merger

	mu     sync.Mutex // guards what follows
	shared map[stream.CheckpointID]map[sharedName]File
	merged map[string]int64    // how many bytes merged files have that shared ones are in, by path
	oldest stream.CheckpointID // the base of which shared has what is needed
}

// Write writes the snapshot of a task. It is for a goroutine beside the task's. A file that fails is written again under another name, a few
// times. After an error nothing refers to what was written; Sweep finds it. An error matches ErrFenced when a newer incarnation of the job
// has begun.
func (w *Writer) Write(ctx context.Context, at Place, task Task, operators []OperatorState) (Handle, error) {
	s := &snapshot{writer: w, at: at, task: task, kept: map[sharedName]*File{}}
	h, err := s.write(ctx, operators)
	if err != nil {
		err = orFenced(ctx, w.Folder, w.Epoch, err)
		return Handle{}, fmt.Errorf("writing %s %d of %s: %w", at.Kind, at.ID, task, err)
	}
	w.remember(at, s.kept)
	return h, nil
}

// snapshot is a task's, being written.
type snapshot struct {
	writer *Writer
	at     Place
	task   Task
	fenced bool                 // it has been looked whether the folder is ours
	held   []held               // files that are in memory and do not stay there
	bytes  int64                // of them
	kept   map[sharedName]*File // those that later checkpoints may have too
}

func (s *snapshot) write(ctx context.Context, operators []OperatorState) (Handle, error) {
	h := Handle{Checkpoint: s.at.ID, Task: s.task}
	for _, o := range operators {
		out := OperatorHandle{UID: o.UID, Blobs: o.Blobs}
		if o.Frozen != nil {
			if err := s.writeState(ctx, o, &out); err != nil {
				return h, fmt.Errorf("%s: %w", o.UID, err)
			}
		}
		if err := s.writeInFlight(ctx, o, &out); err != nil {
			return h, fmt.Errorf("%s: %w", o.UID, err)
		}
		h.Operators = append(h.Operators, out)
	}
	if s.fenced && len(s.held) == 0 {
		return h, nil
	}
	return h, s.merge(ctx)
}

// fence looks, once, whether a newer incarnation has taken the folder over.
func (s *snapshot) fence(ctx context.Context) error {
	if s.fenced {
		return nil
	}
	if err := fence(ctx, s.writer.Folder, s.writer.Epoch); err != nil {
		return err
	}
	s.fenced = true
	return nil
}

// file begins a file of the snapshot. What is small stays in memory: hold says for how long.
func (s *snapshot) file(ctx context.Context, name string, isShared bool) *stateFile {
	keep := s.writer.MergeBelow - 1
	switch {
	case s.at.Kind.IsSavepoint():
		keep = 0
	case !isShared: // else a manifest would repeat it
		keep = max(keep, inlineBytes)
	}
	f := newStateFile(ctx, s.at.Folder(), name, keep)
	f.first = func() error { return s.fence(ctx) }
	return f
}

// writeState writes an operator's state: what a store has as the back end's own files if there are some and recovery alone will read them, the
// rest as rows.
func (s *snapshot) writeState(ctx context.Context, o OperatorState, out *OperatorHandle) (err error) {
	for _, t := range o.Frozen.Tables() {
		out.Tables = append(out.Tables, Table{t})
	}
	written := map[string]bool{}
	if n, ok := nativeOf(o.Frozen); ok && !s.at.Kind.IsSavepoint() {
		if out.Native, err = s.writeNative(ctx, o.UID, n); err != nil {
			return err
		}
		if len(out.Native) > 0 {
			for _, t := range n.Tables() {
				written[t.Name] = true
			}
		}
	}
	for i, t := range out.Tables {
		if written[t.Name] {
			continue
		}
		rows, err := s.writeTable(ctx, o, i)
		if err != nil {
			return fmt.Errorf("table %q: %w", t.Name, err)
		}
		out.Rows = append(out.Rows, rows)
	}
	return nil
}

// nativeOf returns what is frozen of a store that may have files of its own.
func nativeOf(f state.Frozen) (state.Native, bool) {
	if c, ok := f.(state.Composed); ok {
		f = c.Store()
	}
	n, ok := f.(state.Native)
	return n, ok
}

// writeTable writes the rows of table number i.
func (s *snapshot) writeTable(ctx context.Context, o OperatorState, i int) (Rows, error) {
	t := o.Frozen.Tables()[i]
	out := Rows{Table: t.Name}
	name := func() string { return fileName(o.UID, s.task, t.Name, "arrow") }
	err := retried(ctx, func() error {
		f := s.file(ctx, name(), false)
		index, err := writeRows(ctx, f, o.Frozen, i, s.writer.Codec)
		if err == nil && len(index) == 0 {
			return nil
		}
		if err != nil {
			return errors.Join(err, f.drop())
		}
		file, err := f.publish(s.at.Sub)
		if err != nil {
			return errors.Join(err, f.drop())
		}
		file.Index = index
		for _, s := range index {
			file.Rows += int64(s.Rows)
		}
		out.Rows, out.Files = file.Rows, []File{file}
		return nil
	})
	if err == nil && len(out.Files) > 0 {
		err = s.hold(ctx, &out.Files[0], name, false)
	}
	return out, err
}

// writeRows writes an Arrow file of the rows of table number i and returns its index; of no rows nothing.
func writeRows(ctx context.Context, f *stateFile, frozen state.Frozen, i int, codec arrowipc.Codec) ([]Span, error) {
	t := frozen.Tables()[i]
	a, err := newArrowFile(f, t, codec)
	if err != nil {
		return nil, err
	}
	for rows, err := range frozen.Read(ctx, i) {
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errFinal, err)
		}
		if err := a.add(rows); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = a.close()
	return a.index, err
}

// arrowFile collects rows into record batches.
type arrowFile struct {
	out     formats.Writer
	schema  *columnar.Schema
	keyed   bool
	builder *columnar.BatchBuilder
	first   int // group of the builder
	last    int // group so far
	index   []Span
}

func newArrowFile(f *stateFile, t state.Table, codec arrowipc.Codec) (*arrowFile, error) {
	schema := fileSchema(t)
	out, err := arrowipc.Format[columnar.Row]{Codec: codec}.NewWriter(f, schema)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFinal, err)
	}
	return &arrowFile{out: out, schema: schema, keyed: t.Distribution == state.Keyed, builder: columnar.NewBatchBuilder(schema, 0)}, nil
}

// add adds rows of one key group, no less than those before.
func (a *arrowFile) add(rows state.Rows) error {
	n := rows.Batch.Rows()
	if n == 0 {
		return nil
	}
	if err := a.check(rows); err != nil {
		return fmt.Errorf("%w: broken invariant: %w", errFinal, err)
	}
	a.last = rows.Group
	if a.builder.Len() == 0 && (n >= batchRows || rows.Batch.Size() >= batchBytes) {
		return a.write(withGroup(a.schema, a.keyed, rows), rows.Group)
	}
	if a.builder.Len() == 0 {
		a.first = rows.Group
	}
	columns := 0
	if a.keyed {
		groups := columnar.Extend[int32](a.builder.Column(0), n)
		fill(groups, rows.Group)
		columns = 1
	}
	for i, c := range rows.Batch.Columns {
		a.builder.Column(columns+i).Append(c, rows.Batch.Sel)
	}
	a.builder.Added(n)
	if a.builder.Len() >= batchRows || a.builder.Size() >= batchBytes {
		return a.flush()
	}
	return nil
}

func fill(groups []int32, group int) {
	for i := range groups {
		groups[i] = int32(group)
	}
}

// check tells rows that are not the table's.
func (a *arrowFile) check(rows state.Rows) error {
	fields := a.schema.Fields
	if a.keyed {
		fields = fields[1:]
	}
	if len(rows.Batch.Columns) != len(fields) {
		return fmt.Errorf("%d columns of %d", len(rows.Batch.Columns), len(fields))
	}
	for i, c := range rows.Batch.Columns {
		if !c.Type.Equal(fields[i].Type) {
			return fmt.Errorf("column %q is %s, not %s", fields[i].Name, c.Type, fields[i].Type)
		}
	}
	if rows.Group < a.last || !a.keyed && rows.Group != 0 {
		return fmt.Errorf("key group %d behind %d", rows.Group, a.last)
	}
	return nil
}

// withGroup returns a batch in the schema of files, with its key group in front if the table is keyed. Columns are shared.
func withGroup(schema *columnar.Schema, keyed bool, rows state.Rows) columnar.Batch {
	b := columnar.Batch{Schema: schema, Columns: rows.Batch.Columns, Len: rows.Batch.Len, Sel: rows.Batch.Sel}
	if keyed {
		groups := make([]int32, b.Len)
		fill(groups, rows.Group)
		b.Columns = append([]columnar.Column{columnar.Of(columnar.Int32Type, groups, columnar.Bitmap{})}, b.Columns...)
	}
	return b
}

func (a *arrowFile) flush() error {
	if a.builder.Len() == 0 {
		return nil
	}
	return a.write(a.builder.Finish(), a.first)
}

func (a *arrowFile) write(b columnar.Batch, first int) error {
	a.index = append(a.index, Span{From: first, Last: a.last, Rows: b.Rows()})
	return a.out.Write(b)
}

func (a *arrowFile) close() error {
	if err := a.flush(); err != nil {
		return err
	}
	return a.out.Close()
}
