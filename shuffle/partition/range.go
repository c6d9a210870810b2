package partition

import (
	"bytes"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
)

// SortKey says how rows are ordered: by which columns, each how.
type SortKey struct {
	Columns []int
	Orders  []keys.Order // one a column
}

// encoder returns what writes the sort keys of rows of that schema.
func (k SortKey) encoder(schema *columnar.Schema) *keys.SortEncoder {
	fields := make([]columnar.Field, len(k.Columns))
	for i, c := range k.Columns {
		fields[i] = schema.Fields[c]
	}
	return keys.NewSortEncoder(fields, k.Orders)
}

// pick returns the key columns of b.
func (k SortKey) pick(b columnar.Batch) []columnar.Column {
	cols := make([]columnar.Column, len(k.Columns))
	for i, c := range k.Columns {
		cols[i] = b.Columns[c]
	}
	return cols
}

// Range sends each row to the channel whose range of sort keys it falls into, so that the channels in turn, each sorted, are sorted.
type Range struct {
	key     SortKey
	bounds  [][]byte
	encoder *keys.SortEncoder
	scatter scatter
}

// NewRange returns a partitioner of rows of that schema. bounds are ascending sort keys: a row goes to the channel numbered by how many of
// them are not greater than its key. There are at most as many as channels less one; with fewer, the last channels stay empty.
func NewRange(schema *columnar.Schema, key SortKey, bounds [][]byte) *Range {
	return &Range{key: key, bounds: bounds, encoder: key.encoder(schema)}
}

// Partition implements Partitioner.
func (r *Range) Partition(b columnar.Batch, sel [][]int32) error {
	n := b.Rows()
	channels := r.scatter.room(n)
	encoded := r.encoder.Encode(r.key.pick(b), b.Sel, n)
	bounds := r.bounds[:min(len(r.bounds), len(sel)-1)]
	for i := range channels {
		key := encoded.Bytes(i)
		// The first bound greater than the key: equal keys must not end up on both sides of a bound.
		at, _ := slices.BinarySearchFunc(bounds, key, func(bound, key []byte) int {
			if bytes.Compare(bound, key) <= 0 {
				return -1
			}
			return 1
		})
		channels[i] = uint32(at)
	}
	r.scatter.place(b, sel)
	return nil
}

// Boundaries returns at most n-1 ascending bounds that cut a sample of sort keys into n ranges of about equal numbers of rows. A key that
// fills more than one range gives fewer bounds. sample is sorted.
func Boundaries(sample [][]byte, n int) [][]byte {
	slices.SortFunc(sample, bytes.Compare)
	var bounds [][]byte
	for i := 1; i < n; i++ {
		at := i * len(sample) / n
		if at >= len(sample) || len(bounds) > 0 && bytes.Equal(bounds[len(bounds)-1], sample[at]) {
			continue
		}
		bounds = append(bounds, sample[at])
	}
	return bounds
}
