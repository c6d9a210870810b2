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
		if err := s.rows(ctx, uid, want, share, yield); err != nil && !errors.Is(err, errEnough) {
			yield(columnar.Batch{}, fmt.Errorf("reading table %q of %s in %s: %w", want.Name, uid, s.Root, err))
		}
	}
}

// errEnough says that no more rows are wanted.
var errEnough = errors.New("enough")

func (s *Saved) rows(ctx context.Context, uid string, want state.Table, share Share, yield func(columnar.Batch, error) bool) error {
	o := s.Manifest.Operator(uid)
	if o == nil {
		return nil
	}
	saved, ok := savedTable(o, want)
	if !ok {
		return nil
	}
	move, err := newMigration(saved.Table, want, s.Manifest.Time)
	if err != nil {
		if o.Rows(saved.Name) == 0 || slices.Contains(s.Allowed, uid) {
			return nil
		}
		return err
	}
	pick := newPick(o, saved.Table, want, share)
	for i, part := range o.Parts {
		if !pick.part(i) {
			continue
		}
		err := s.eachOfPart(ctx, o, part, saved.Table, pick.wants, func(b columnar.Batch) error {
			b = pick.rows(b)
			if b.Rows() == 0 {
				return nil
			}
			b, err := move.batch(b)
			if err == nil && !yield(b, nil) {
				err = errEnough
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachOfPart gives do the rows of a table in one task, but for those with whose key groups wanted will not have anything to do: as they are in
// files, with the key group of a keyed table as the first column.
func (s *Saved) eachOfPart(ctx context.Context, o *Operator, p Part, t state.Table, wanted func(Span) bool, do func(columnar.Batch) error) error {
	if len(p.Native) > 0 {
		return s.eachNative(ctx, o, p, t, wanted, do)
	}
	for _, rows := range p.Tables {
		if rows.Table != t.Name {
			continue
		}
		for _, f := range rows.Files {
			if err := s.eachBatch(ctx, &f, t, wanted, do); err != nil {
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

// eachBatch gives do the record batches of a file that are wanted.
func (s *Saved) eachBatch(ctx context.Context, f *File, t state.Table, wanted func(Span) bool, do func(columnar.Batch) error) (err error) {
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

// wantedRuns returns the runs [from, to) of record batches that are wanted.
func wantedRuns(index []Span, wanted func(Span) bool) (runs [][2]int) {
	for i, s := range index {
		switch {
		case !wanted(s):
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

// input is a file as formats read it.
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
	if in.Size() != f.Size {
		return input{}, errors.Join(fmt.Errorf("%w: %s has %d bytes of %d", ErrDamaged, at, in.Size(), f.Size), in.Close())
	}
	return input{ReaderAt: in, Closer: in, size: f.Size, name: at.String()}, nil
}
