// Package savepoint reads and writes savepoints without a job: to look at state, to mend it, and to give a job state that it begins with.
//
//	files := runner.NewFiles(hdfs.Options{})
//	s, err := savepoint.Open(ctx, files, "hdfs:///savepoints/clicks-00000017-...")
//	visits, err := savepoint.Records[Visits](ctx, s, "visits", "clicks")     // of a struct with the table's columns: keys, namespace, values
//	err = savepoint.SetRecords(s, "visits", table, mended)                   // in place of all rows of the table
//	err = s.Write(ctx, files, "hdfs:///savepoints/mended")                   // a new one; the old one stays as it is
//
// A [Savepoint] is that of a job, or one without anything ([New]), in which tables are replaced, added and dropped. What they are called and which
// columns they have, [Savepoint.Tables] says of a job's, and [TablesOf] of those that a processor declares. Everything that is not changed, such as
// the positions of sources, is written as it was: a job that begins from the new savepoint goes on from there.
//
// Rows of unchanged tables are copied a batch at a time; those of a keyed table that is set, or divided anew, are held in memory, task by task. The package starts no
// goroutines. Stability: public.
package savepoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/vfs"
)

// Rows are batches of a table's rows, in the columns of state.Table.Schema. They can be asked for more than once.
type Rows = iter.Seq2[columnar.Batch, error]

// Savepoint is state that is read, changed and written. One goroutine uses it.
type Savepoint struct {
	saved     *checkpoint.Saved // nil: there was nothing
	head      checkpoint.Manifest
	operators []*operator
	keyGroups int
}

// operator is what the savepoint is to have of an operator.
type operator struct {
	checkpoint.Operator // Tables: all there are to be; Parts: of what was saved
	set                 map[string]Rows
}

// New returns a savepoint without any state, of a job of that name.
func New(job string) *Savepoint {
	return &Savepoint{head: checkpoint.Manifest{Job: job, Run: "offline", ID: 1}, keyGroups: state.DefaultKeyGroups}
}

// Open opens the savepoint or checkpoint in the folder of that URL; of a job's folder of checkpoints, the newest that is whole. What has been changed
// is in memory until it is written.
func Open(ctx context.Context, files *vfs.Resolver, url string) (*Savepoint, error) {
	saved, err := runner.OpenSaved(ctx, files, url)
	if err != nil {
		return nil, err
	}
	m := saved.Manifest
	if m.Unaligned {
		return nil, fmt.Errorf("%s has rows on their way between tasks, which belong to the job as it was; take a savepoint of it", url)
	}
	s := &Savepoint{saved: saved, head: *m, keyGroups: cmp.Or(m.KeyGroups(), state.DefaultKeyGroups)}
	for _, o := range m.Operators {
		s.operators = append(s.operators, &operator{Operator: o, set: map[string]Rows{}})
	}
	return s, nil
}

// KeyGroups is how many key groups keyed tables are divided into: as many as the job has, or state.DefaultKeyGroups where there was nothing. The
// job that begins from the savepoint has as many.
func (s *Savepoint) KeyGroups() int { return s.keyGroups }

// SetKeyGroups gives the job another number of key groups, a power of two: Write divides all keyed tables anew, in memory, task by task.
func (s *Savepoint) SetKeyGroups(groups int) error {
	if err := state.CheckKeyGroups(groups); err != nil {
		return err
	}
	s.keyGroups = groups
	for _, o := range s.operators {
		if o.KeyGroups > 0 {
			o.KeyGroups = groups
		}
	}
	return nil
}

// UIDs returns the names of the operators that have state.
func (s *Savepoint) UIDs() (uids []string) {
	for _, o := range s.operators {
		uids = append(uids, o.UID)
	}
	return uids
}

func (s *Savepoint) find(uid string) *operator {
	for _, o := range s.operators {
		if o.UID == uid {
			return o
		}
	}
	return nil
}

// Tables returns the tables of an operator; none of one that is not there.
func (s *Savepoint) Tables(uid string) (tables []state.Table) {
	if o := s.find(uid); o != nil {
		for _, t := range o.Tables {
			tables = append(tables, t.Table)
		}
	}
	return tables
}

func (s *Savepoint) table(uid, name string) (*operator, state.Table, error) {
	if o := s.find(uid); o != nil {
		if t, ok := o.Table(name); ok {
			return o, t.Table, nil
		}
	}
	return nil, state.Table{}, fmt.Errorf("the savepoint has no table %q of an operator %q", name, uid)
}

// Rows returns the rows of a table as they are to be written: those of all tasks, in no order.
func (s *Savepoint) Rows(ctx context.Context, uid, name string) Rows {
	o, t, err := s.table(uid, name)
	switch {
	case err != nil:
		return func(yield func(columnar.Batch, error) bool) { yield(columnar.Batch{}, err) }
	case o.set[name] != nil:
		return o.set[name]
	default:
		return s.saved.Rows(ctx, uid, t, checkpoint.Share{Tasks: 1, KeyGroups: max(o.KeyGroups, 1)})
	}
}

// SetRows puts rows in place of all that the operator has in a table of that name, which need not have been there, nor the operator. They are read
// by Write, once for each of the operator's tasks, and may be made of what Rows gave before. Of several rows of one key and namespace the last
// counts. A new operator has one task; the job that begins from it may have any other number.
func (s *Savepoint) SetRows(uid string, t state.Table, rows Rows) {
	o := s.find(uid)
	if o == nil {
		o = &operator{Operator: checkpoint.Operator{UID: uid, Parallelism: 1}, set: map[string]Rows{}}
		s.operators = append(s.operators, o)
	}
	if t.Distribution == state.Keyed && o.KeyGroups == 0 {
		o.KeyGroups = s.keyGroups
	}
	i := slices.IndexFunc(o.Tables, func(have checkpoint.Table) bool { return have.Name == t.Name })
	if i < 0 {
		o.Tables = append(o.Tables, checkpoint.Table{Table: t})
	} else {
		o.Tables = slices.Clone(o.Tables)
		o.Tables[i] = checkpoint.Table{Table: t}
	}
	o.set[t.Name] = rows
}

// Drop leaves an operator out, with all of its tables.
func (s *Savepoint) Drop(uid string) {
	s.operators = slices.DeleteFunc(s.operators, func(o *operator) bool { return o.UID == uid })
}

// Write writes the savepoint into a new folder: self-contained, so that the one it was made of may go. Output that the job's sinks had prepared is
// still to be committed by who begins from it, or from the old one: begin from one of them.
func (s *Savepoint) Write(ctx context.Context, files *vfs.Resolver, url string) error {
	fsys, path, err := files.FS(ctx, url)
	if err != nil {
		return err
	}
	head := s.head
	head.Time, head.Operators = time.Now().UTC(), nil
	for _, o := range s.operators {
		bare := o.Operator
		bare.Tables, bare.Parts = nil, nil
		head.Operators = append(head.Operators, bare)
	}
	_, err = checkpoint.Compose(ctx, checkpoint.Folder{FS: fsys, Path: path}, head, s.pieces(ctx))
	return err
}

// Records returns the rows of a table as values of a type that is stored in as many columns of the same types: for a table of values by key, a
// struct of the key's fields and the value's. Names do not matter.
func Records[T any](ctx context.Context, s *Savepoint, uid, name string) ([]T, error) {
	_, t, err := s.table(uid, name)
	if err != nil {
		return nil, err
	}
	c, err := codecFor[T](t)
	if err != nil {
		return nil, err
	}
	d, err := c.Decoder(c.Schema())
	if err != nil {
		return nil, err
	}
	var out []T
	for b, err := range s.Rows(ctx, uid, name) {
		if err != nil {
			return nil, err
		}
		part, err := d.Decode(b, nil)
		if err != nil {
			return nil, fmt.Errorf("reading table %q of %s: %w", name, uid, err)
		}
		out = append(out, part...)
	}
	return out, nil
}

// SetRecords is SetRows by values as Records gives them. They are encoded before it returns.
func SetRecords[T any](s *Savepoint, uid string, t state.Table, records iter.Seq[T]) error {
	c, err := codecFor[T](t)
	if err != nil {
		return err
	}
	var batches []columnar.Batch
	e := c.Encoder()
	finish := func() error {
		n := e.Len()
		columns, err := e.Finish()
		if err != nil {
			return fmt.Errorf("storing records of table %q of %s: %w", t.Name, uid, err)
		}
		batches = append(batches, columnar.Batch{Schema: t.Schema(), Columns: columns, Len: n})
		return nil
	}
	for r := range records {
		if e.Append(r); e.Len() == columnar.DefaultRows {
			if err := finish(); err != nil {
				return err
			}
		}
	}
	if e.Len() > 0 {
		if err := finish(); err != nil {
			return err
		}
	}
	s.SetRows(uid, t, func(yield func(columnar.Batch, error) bool) {
		for _, b := range batches {
			if !yield(b, nil) {
				return
			}
		}
	})
	return nil
}

// codecFor returns the codec of T when it is stored as the rows of the table are.
func codecFor[T any](t state.Table) (*codec.Codec[T], error) {
	c, err := codec.Of[T]()
	if err != nil {
		return nil, err
	}
	want, have := t.Schema(), c.Schema()
	if have == nil || len(have.Fields) != len(want.Fields) {
		return nil, fmt.Errorf("table %q has the columns\n%s, and the records have others", t.Name, want)
	}
	for i, f := range want.Fields {
		if !have.Fields[i].Type.Equal(f.Type) {
			return nil, fmt.Errorf("table %q: column %q is %s, and the records have %s %s there", t.Name, f.Name, f.Type, have.Fields[i].Name, have.Fields[i].Type)
		}
	}
	return c, nil
}

// TablesOf returns the tables that a processor with keys of type K declares by its fields, as pointer to a zero one: for state that a job is to
// begin with.
func TablesOf[K comparable](processor any) ([]state.Table, error) {
	schema := codec.Columns[K]()
	if schema == nil {
		return nil, errors.New("the keys cannot be stored in columns")
	}
	return state.Declared(processor, schema.Fields)
}
