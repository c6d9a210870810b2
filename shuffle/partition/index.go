package partition

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// Index sends each row to the channel that an integer column names, modulo the number of channels: channel 0 also gets what is named by
// that number, by twice it and by minus it.
type Index struct {
	column  int
	scatter scatter
}

// NewIndex returns a partitioner by the int32 or int64 column at that position.
func NewIndex(column int) *Index { return &Index{column: column} }

// Partition implements Partitioner. A null is an error.
func (x *Index) Partition(b columnar.Batch, sel [][]int32) error {
	column := &b.Columns[x.column]
	channels := x.scatter.room(b.Rows())
	var err error
	switch column.Type.Kind {
	case columnar.Int32:
		err = named(channels, columnar.Values[int32](*column), column, b, len(sel))
	case columnar.Int64:
		err = named(channels, columnar.Values[int64](*column), column, b, len(sel))
	default:
		err = fmt.Errorf("partitioning by a column of %s: it must be int32 or int64", column.Type)
	}
	if err == nil {
		x.scatter.place(b, sel)
	}
	return err
}

// named copies the channels that values name.
func named[T int32 | int64](channels []uint32, values []T, column *columnar.Column, b columnar.Batch, n int) error {
	for i := range channels {
		row := b.Row(i)
		if column.IsNull(row) {
			return fmt.Errorf("partitioning by index: row %d has a null, which names no partition", row)
		}
		v := int64(values[row]) % int64(n)
		if v < 0 {
			v += int64(n)
		}
		channels[i] = uint32(v)
	}
	return nil
}
