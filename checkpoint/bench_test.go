package checkpoint

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats/arrowipc"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/vfs/mem"
)

// BenchmarkWrite writes a million rows of a 16-byte key and a 64-byte value in 1024 groups.
func BenchmarkWrite(b *testing.B) {
	const rows = 1 << 20
	fixed := func(name string, width int32) []columnar.Field {
		return []columnar.Field{{Name: name, Type: columnar.Type{Kind: columnar.FixedBinary, Width: width}}}
	}
	table := state.Table{Name: "t", Kind: "value", Keys: fixed("k", 16), Values: fixed("v", 64)}
	bb := columnar.NewBatchBuilder(table.Schema(), rows)
	for i := range rows {
		bb.Column(0).AppendBytes(fmt.Appendf(nil, "%016d", i))
		bb.Column(1).AppendBytes(fmt.Appendf(nil, "%064d", i*i))
		bb.Added(1)
	}
	f := &frozen{tables: []state.Table{table}, rows: [][]state.Rows{keyed(bb.Finish(), 1, state.Share(0, 1, 1024))}}
	for i, r := range f.rows[0] {
		f.rows[0][i].Batch = r.Batch.Compact()
	}
	for _, codec := range []arrowipc.Codec{arrowipc.None, arrowipc.LZ4, arrowipc.Zstd} {
		b.Run("codec="+string(codec), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				fs := mem.New("bench")
				if err := fs.Mkdir(b.Context(), "/job"); err != nil {
					b.Fatal(err)
				}
				w := &Writer{Folder: Folder{FS: fs, Path: "/job"}, Codec: codec}
				if _, err := w.Write(b.Context(), Place{ID: 1, Root: w.Folder}, Task{}, []OperatorState{{UID: "op", Frozen: f}}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(rows)*80*float64(b.N)/b.Elapsed().Seconds()/1e6, "MB/s")
		})
	}
}
