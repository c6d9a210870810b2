package shuffle

import (
	"slices"
	"unsafe"

	"github.com/millrace/millrace/columnar"
)

// footprint returns the bytes that a batch holds in memory, with the unused room before and behind its rows as far as it can be seen. What
// columns share counts once: the strings of all columns may lie in the text that they were read from.
func footprint(b columnar.Batch) int {
	f := counter{bytes: 8*cap(b.Time) + cap(b.Kind) + 4*cap(b.Sel)}
	for i := range b.Columns {
		f.column(&b.Columns[i])
	}
	return f.bytes
}

type counter struct {
	bytes int
	seen  []*byte // where buffers that were counted begin
}

func (f *counter) column(c *columnar.Column) {
	f.bytes += 4 * cap(c.Offsets)
	for _, buf := range [...][]byte{c.Data, c.Valid.Bits, c.Bits.Bits} {
		if at := unsafe.SliceData(buf); at != nil && !slices.Contains(f.seen, at) {
			f.seen = append(f.seen, at)
			f.bytes += cap(buf)
		}
	}
	for k := range c.Children {
		f.column(&c.Children[k])
	}
}
