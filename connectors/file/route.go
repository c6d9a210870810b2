package file

import (
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// router sorts the rows of batches by the folders they belong to.
type router struct {
	files   *columnar.Schema // of the files: without the columns that are folders
	kept    []int            // the files' columns
	by      []int            // the folders' columns
	names   []string
	folders map[string]string // by the values of the folders' columns, as folderKey encodes them
	key     []byte
	buckets *bucketer // nil: none
}

func newRouter(schema *columnar.Schema, partitionBy []string, buckets Buckets) (*router, error) {
	r := &router{files: schema, names: partitionBy, folders: map[string]string{}}
	var err error
	if r.buckets, err = newBucketer(buckets, schema); err != nil {
		return nil, err
	}
	for _, name := range partitionBy {
		i := schema.Index(name)
		if i < 0 {
			return nil, fmt.Errorf("no column %q to make folders of; there are %s", name, strings.Join(schema.Names(), ", "))
		}
		r.by = append(r.by, i)
	}
	if len(r.by) == 0 {
		return r, nil
	}
	for i := range schema.Fields {
		if !slices.Contains(r.by, i) {
			r.kept = append(r.kept, i)
		}
	}
	r.files = schema.Select(r.kept)
	return r, nil
}

// route yields the batch's rows by folder, folders in the order in which they first occur.
func (r *router) route(b columnar.Batch) iter.Seq2[string, columnar.Batch] {
	return func(yield func(string, columnar.Batch) bool) {
		if len(r.by) == 0 && r.buckets == nil {
			if b.Rows() > 0 {
				yield("", b)
			}
			return
		}
		var order []string
		rows := map[string][]int32{}
		var times []int64
		if r.buckets != nil {
			times = r.buckets.times(b)
		}
		for i := range b.Rows() {
			row := b.Row(i)
			folder := r.place(b, times, row)
			if rows[folder] == nil {
				order = append(order, folder)
			}
			rows[folder] = append(rows[folder], int32(row))
		}
		files := b
		if len(r.by) > 0 {
			files = b.Project(r.files, r.kept)
		}
		for _, folder := range order {
			files.Sel = rows[folder]
			if !yield(folder, files) {
				return
			}
		}
	}
}

// place returns the folder of a row by its time and its values.
func (r *router) place(b columnar.Batch, times []int64, row int) string {
	switch {
	case r.buckets == nil:
		return r.folder(b, row)
	case len(r.by) == 0:
		return r.buckets.folder(b, times, row)
	default:
		return path.Join(r.buckets.folder(b, times, row), r.folder(b, row))
	}
}

// folder returns the folder of a row by its values: dt=2026-01-01/hour=03.
func (r *router) folder(b columnar.Batch, row int) string {
	r.key = r.key[:0]
	for _, c := range r.by {
		r.key = appendCell(r.key, &b.Columns[c], row)
	}
	if f, ok := r.folders[string(r.key)]; ok {
		return f
	}
	var levels []string
	for i, c := range r.by {
		k := key{Name: r.names[i], Null: b.Columns[c].IsNull(row)}
		if !k.Null {
			k.Value = formatValue(codec.Value(&b.Columns[c], row), b.Columns[c].Type)
		}
		levels = append(levels, k.folder())
	}
	folder := path.Join(levels...)
	r.folders[string(r.key)] = folder
	return folder
}

// appendCell adds a cell to a key: whether it is null, its length, its bytes.
func appendCell(out []byte, c *columnar.Column, row int) []byte {
	switch {
	case c.IsNull(row):
		return append(out, 0)
	case c.Type.Kind == columnar.Bool:
		if c.Bits.Get(row) {
			return append(out, 1, 1)
		}
		return append(out, 1, 0)
	case c.Type.IsVariable():
		text := c.Bytes(row)
		n := uint32(len(text))
		return append(append(out, 1, byte(n), byte(n>>8), byte(n>>16), byte(n>>24)), text...)
	default:
		return append(append(out, 1), c.FixedBytes(row)...)
	}
}
