package state

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// Form is how the rows of a keyed table are kept by a store: as bytes of key, namespace and cell. Back ends take rows apart and put them
// together by it. It is immutable.
type Form struct {
	Table     Table
	Schema    *columnar.Schema
	Keys      *Coder
	Namespace *Ordered
	Values    *Coder
}

// FormOf returns the form of a table.
func FormOf(t Table) (*Form, error) {
	f := &Form{Table: t, Schema: t.Schema(), Keys: NewKeyCoder(t.Keys), Values: NewCoder(t.Values)}
	var err error
	if f.Namespace, err = NewOrdered(t.Namespace); err != nil {
		return nil, fmt.Errorf("state %q: %w", t.Name, err)
	}
	return f, nil
}

// Entry is a row of a table as bytes.
type Entry struct {
	Hash      uint64 // of the key
	Key       []byte
	Namespace []byte
	Cell      []byte
	Written   int64 // microseconds; of tables with a time to live
}

// Each calls do with each row of b that counts, whose bytes are borrowed until do returns.
func (f *Form) Each(b columnar.Batch, do func(e *Entry) error) error {
	nk, nn, nv := len(f.Table.Keys), len(f.Table.Namespace), len(f.Table.Values)
	if len(b.Columns) != len(f.Schema.Fields) {
		return fmt.Errorf("rows of state %q have %d columns, not %d", f.Table.Name, len(b.Columns), len(f.Schema.Fields))
	}
	for i, field := range f.Schema.Fields {
		if !b.Columns[i].Type.Equal(field.Type) {
			return fmt.Errorf("rows of state %q: column %q is %s, not %s", f.Table.Name, field.Name, b.Columns[i].Type, field.Type)
		}
	}
	hashes := make([]uint64, b.Rows())
	keys.Hash(b.Columns[:nk], b.Sel, len(hashes), hashes)
	var e Entry
	for i, hash := range hashes {
		row := b.Row(i)
		e.Hash = hash
		e.Key = f.Keys.Append(e.Key[:0], b.Columns[:nk], row)
		e.Namespace = f.Namespace.Append(e.Namespace[:0], b.Columns[nk:nk+nn], row)
		e.Cell = f.Values.Append(e.Cell[:0], b.Columns[nk+nn:nk+nn+nv], row)
		if f.Table.TTL > 0 {
			e.Written = columnar.Values[int64](b.Columns[nk+nn+nv])[row]
		}
		if err := do(&e); err != nil {
			return err
		}
	}
	return nil
}

// Bounds of the batches that a RowBuilder makes.
const (
	maxBuiltRows  = columnar.DefaultRows
	maxBuiltBytes = 1 << 20
)

// RowBuilder makes batches of entries.
type RowBuilder struct {
	form  *Form
	all   []*columnar.Builder
	n     int
	bytes int
}

// NewRowBuilder returns an empty builder of rows of the form.
func (f *Form) NewRowBuilder() *RowBuilder {
	r := &RowBuilder{form: f}
	for _, field := range f.Schema.Fields {
		r.all = append(r.all, columnar.NewBuilder(field.Type, 16))
	}
	return r
}

// Add adds an entry, whose Hash is not looked at.
func (r *RowBuilder) Add(e *Entry) error {
	nk, nn := len(r.form.Table.Keys), len(r.form.Table.Namespace)
	err := r.form.Keys.Decode(e.Key, r.all[:nk])
	if err == nil {
		err = r.form.Namespace.Decode(e.Namespace, r.all[nk:nk+nn])
	}
	if err == nil {
		err = r.form.Values.Decode(e.Cell, r.all[nk+nn:])
	}
	if err != nil {
		return fmt.Errorf("state %q: %w", r.form.Table.Name, err)
	}
	if r.form.Table.TTL > 0 {
		columnar.AppendFixed(r.all[len(r.all)-1], e.Written)
	}
	r.n++
	r.bytes += len(e.Key) + len(e.Namespace) + len(e.Cell)
	return nil
}

// Len returns the number of rows so far.
func (r *RowBuilder) Len() int { return r.n }

// Full says that the batch is large enough.
func (r *RowBuilder) Full() bool { return r.n >= maxBuiltRows || r.bytes >= maxBuiltBytes }

// Finish returns the rows so far, and empties the builder.
func (r *RowBuilder) Finish() columnar.Batch {
	b := columnar.Batch{Schema: r.form.Schema, Columns: make([]columnar.Column, len(r.all)), Len: r.n}
	for i, c := range r.all {
		b.Columns[i] = c.Finish()
	}
	r.n, r.bytes = 0, 0
	return b
}

// MaxNamespace is the most bytes of a namespace that back ends need to take. [Ordered] gives a string its bytes, a number its width.
const MaxNamespace = 1024

// Expired says whether what was written at that time, in microseconds, is past its time to live now. With none it lives for ever.
func Expired(written int64, ttl time.Duration, now int64) bool {
	return ttl > 0 && now-written >= ttl.Microseconds()
}
