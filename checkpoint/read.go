package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/arrowipc"
	"github.com/millrace/millrace/state"
)

// Share is whose rows are wanted: those of task number Task of Tasks. A job with the same number of tasks as before gives each its own back.
type Share struct {
	Task, Tasks int
	KeyGroups   int // how many there are now
}

// Rows returns the rows of a table of an operator that are to be given to a task, in the columns of the table as it is declared now. Which rows
// they are, the table's distribution says. Rows of a keyed table come by ascending key group as it was when they were saved. A table that
// was not saved, under its name or the one it had, has no rows. A table that does not fit is an error unless it is Allowed to be lost; Compare tells
// before. Batches are fresh.
func (s *Saved) Rows(ctx context.Context, uid string, want state.Table, share Share) iter.Seq2[columnar.Batch, error] {
	return func(yield func(columnar.Batch, error) bool) {
		enough := errors.New("enough")
		err := s.Restore(ctx, uid, []state.Table{want}, share, func(_ int, b columnar.Batch) error {
			if !yield(b, nil) {
				return enough
			}
			return nil
		})
		if err != nil && !errors.Is(err, enough) {
			yield(columnar.Batch{}, err)
		}
	}
}

// Restore gives a task the rows of all tables of an operator, as Rows does: give gets the table's place in tables. It reads in one go, which
// matters where a back end has saved files of its own: they are opened once. It ends with the first error of give.
func (s *Saved) Restore(ctx context.Context, uid string, tables []state.Table, share Share, give func(table int, b columnar.Batch) error) error {
	o := s.Manifest.Operator(uid)
	if o == nil {
		return nil
	}
	takes, err := s.takes(o, tables, share)
	if err != nil {
		return fmt.Errorf("restoring %s from %s: %w", uid, s.Root, err)
	}
	for i, part := range o.Parts {
		if err := s.restorePart(ctx, o, i, part, takes, give); err != nil {
			return fmt.Errorf("restoring %s from %s, %s: %w", uid, s.Root, part.Task, err)
		}
	}
	return nil
}

// take is what is taken of a table that was saved.
type take struct {
	table int // as which it is declared
	saved Table
	pick  *pick
	move  *migration
}

func (s *Saved) takes(o *Operator, tables []state.Table, share Share) (out []take, err error) {
	for i, want := range tables {
		saved, ok := savedTable(o, want)
		if !ok {
			continue
		}
		move, err := newMigration(saved.Table, want, s.Manifest.Time)
		switch {
		case err == nil:
			out = append(out, take{table: i, saved: saved, pick: newPick(o, saved.Table, want, share), move: move})
		case o.Rows(saved.Name) != 0 && !slices.Contains(s.Allowed, o.UID):
			return nil, fmt.Errorf("table %q: %w", want.Name, err)
		}
	}
	return out, nil
}

// restorePart gives what is taken of one task's rows, that of place i.
func (s *Saved) restorePart(ctx context.Context, o *Operator, i int, p Part, takes []take, give func(int, columnar.Batch) error) (err error) {
	takes = slices.DeleteFunc(slices.Clone(takes), func(t take) bool { return !t.pick.part(i) })
	if len(takes) == 0 {
		return nil
	}
	wanted := o.allGroups()
	for _, t := range takes {
		if t.pick.distribution == state.Keyed { // as tables of a store are
			wanted = t.pick.wanted(o)
		}
	}
	r, err := s.reader(ctx, o, p, wanted)
	if err != nil {
		return err
	}
	defer r.release()
	for _, t := range takes {
		err := r.each(ctx, t.saved.Table, t.pick.wanted(o), func(b columnar.Batch) error {
			b = t.pick.rows(b)
			if b.Rows() == 0 {
				return nil
			}
			b, err := t.move.batch(b)
			if err != nil {
				return err
			}
			return give(t.table, b)
		})
		if err != nil {
			return fmt.Errorf("table %q: %w", t.saved.Name, err)
		}
	}
	return nil
}

// reader reads what one task has saved of an operator.
type reader struct {
	saved  *Saved
	part   Part
	native state.Frozen // its files, when it saved some of its back end's; nil when they have nothing that is wanted
}

// reader opens a part, to read rows of those key groups.
func (s *Saved) reader(ctx context.Context, o *Operator, p Part, wanted state.Groups) (*reader, error) {
	r := &reader{saved: s, part: p}
	own := state.Share(p.Task.Index, len(o.Parts), max(o.KeyGroups, 1))
	if len(p.Native) == 0 || own.From >= wanted.To || own.To <= wanted.From {
		return r, nil
	}
	if s.native == nil {
		return nil, errors.New("it was saved in files of a back end that is not there to read them")
	}
	var err error
	if r.native, err = s.native(ctx, s.nativeFiles(ctx, p), wanted); err != nil {
		return nil, fmt.Errorf("opening the files of its back end: %w", err)
	}
	return r, nil
}

func (r *reader) release() {
	if r.native != nil {
		r.native.Release()
	}
}

// each gives do the rows of a table, at least those of the key groups that are wanted: as they are in files, with the key group of a keyed table
// as the first column.
func (r *reader) each(ctx context.Context, t state.Table, wanted state.Groups, do func(columnar.Batch) error) error {
	if r.native != nil && r.part.isNative(t.Name) {
		return r.eachNative(ctx, t, wanted, do)
	}
	for _, rows := range r.part.Tables {
		if rows.Table != t.Name {
			continue
		}
		for _, f := range rows.Files {
			if err := r.saved.eachBatch(ctx, &f, t, wanted, do); err != nil {
				return err
			}
		}
	}
	return nil
}

// savedTable returns the saved description of a table that is declared now.
func savedTable(o *Operator, want state.Table) (Table, bool) {
	if t, ok := o.Table(want.Name); ok || want.Was == "" {
		return t, ok
	}
	return o.Table(want.Was)
}

// eachBatch gives do the record batches of a file that can have rows of the key groups.
func (s *Saved) eachBatch(ctx context.Context, f *File, t state.Table, wanted state.Groups, do func(columnar.Batch) error) (err error) {
	runs := wantedRuns(f.Index, wanted)
	if len(runs) == 0 {
		return nil
	}
	in, err := s.open(ctx, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	for _, r := range runs {
		if err := readRun(ctx, in, f, t, r, do); err != nil {
			return err
		}
	}
	return nil
}

// wantedRuns returns the runs [from, to) of record batches that can have rows of the key groups.
func wantedRuns(index []Span, wanted state.Groups) (runs [][2]int) {
	for i, s := range index {
		switch {
		case !s.meets(wanted):
		case len(runs) > 0 && runs[len(runs)-1][1] == i:
			runs[len(runs)-1][1]++
		default:
			runs = append(runs, [2]int{i, i + 1})
		}
	}
	return runs
}

// readRun gives do the record batches of a run. Each is as long as the index says.
func readRun(ctx context.Context, in input, f *File, t state.Table, run [2]int, do func(columnar.Batch) error) (err error) {
	r, err := arrowipc.Format[columnar.Row]{}.NewReader(ctx, in, runRange(f, run), formats.ReadOptions{Schema: fileSchema(t), Rows: maxRows(f.Index)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for i := run[0]; i < run[1]; i++ {
		b, err := r.Next(ctx)
		if err != nil {
			return fmt.Errorf("%w: record batch %d of %s: %w", ErrDamaged, i, in.Name(), err)
		}
		if b.Len != f.Index[i].Rows {
			return fmt.Errorf("%w: record batch %d of %s has %d rows of %d", ErrDamaged, i, in.Name(), b.Len, f.Index[i].Rows)
		}
		if err := do(b); err != nil {
			return err
		}
	}
	return nil
}

// runRange is the range of a run of record batches: i of n counts as beginning i/n of the way through the file; we cut half-way between.
func runRange(f *File, run [2]int) formats.Range {
	cut := func(i int) int64 { return int64(float64(f.Size) * (float64(i) - 0.5) / float64(len(f.Index))) }
	r := formats.Range{From: max(0, cut(run[0])), To: f.Size}
	if run[1] < len(f.Index) {
		r.To = cut(run[1])
	}
	return r
}

func maxRows(index []Span) (n int) {
	for _, s := range index {
		n = max(n, s.Rows)
	}
	return n
}

// input is a file, or one within a merged one, as formats read it.
type input struct {
	io.ReaderAt
	io.Closer
	size int64
	name string
}

func (i input) Size() int64  { return i.size }
func (i input) Name() string { return i.name }

func (s *Saved) open(ctx context.Context, f *File) (input, error) {
	if f.isInline() {
		return input{ReaderAt: bytes.NewReader(f.Inline), Closer: io.NopCloser(nil), size: f.Size, name: "the manifest"}, nil
	}
	at := s.Root.join(f.Path)
	in, err := at.FS.Open(ctx, at.Path)
	if err != nil {
		return input{}, err
	}
	if err := f.isWithin(in.Size()); err != nil {
		return input{}, errors.Join(err, in.Close())
	}
	out := input{ReaderAt: in, Closer: in, size: f.Size, name: at.String()}
	if f.Merged {
		out.ReaderAt = io.NewSectionReader(in, f.Offset, f.Size)
		out.name += fmt.Sprintf(", from byte %d on", f.Offset)
	}
	return out, nil
}

// isWithin says what is wrong with a file at Path of so many bytes.
func (f *File) isWithin(bytes int64) error {
	switch {
	case !f.Merged && bytes != f.Size:
		return fmt.Errorf("%w: file %s has %d bytes of %d", ErrDamaged, f.Path, bytes, f.Size)
	case f.Merged && bytes < f.Offset+f.Size:
		return fmt.Errorf("%w: file %s has %d bytes of %d at least", ErrDamaged, f.Path, bytes, f.Offset+f.Size)
	default:
		return nil
	}
}
