package partition_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/shuffle/partition"
)

// counted returns the positions of the rows of b that count.
func counted(b columnar.Batch) []int32 {
	rows := make([]int32, b.Rows())
	for i := range rows {
		rows[i] = int32(b.Row(i))
	}
	return rows
}

// split partitions b and checks that each row that counts is in one channel, and that channels are ascending.
func split(t *rapid.T, p partition.Partitioner, b columnar.Batch, sel [][]int32) {
	if err := p.Partition(b, sel); err != nil {
		t.Fatal(err)
	}
	var all []int32
	for c := range sel {
		if !slices.IsSorted(sel[c]) {
			t.Fatalf("channel %d is not in order: %v", c, sel[c])
		}
		all = append(all, sel[c]...)
	}
	slices.Sort(all)
	if diff := cmp.Diff(counted(b), all); diff != "" && len(all)+b.Rows() > 0 {
		t.Fatal("rows in, rows out:", diff)
	}
}

// channelsOf returns each row's channel.
func channelsOf(sel [][]int32) map[int32]int {
	of := map[int32]int{}
	for c := range sel {
		for _, r := range sel[c] {
			of[r] = c
		}
	}
	return of
}

func TestHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := batches.Schema(t, 3)
		groups := 1 << rapid.IntRange(3, 10).Draw(t, "log2 groups")
		columns := rapid.SliceOfNDistinct(rapid.IntRange(0, len(schema.Fields)-1), 1, len(schema.Fields), rapid.ID).Draw(t, "columns")
		p, err := partition.NewHash(columns, groups)
		if err != nil {
			t.Fatal(err)
		}
		sel := make([][]int32, rapid.IntRange(1, 8).Draw(t, "channels"))
		home := map[string]int{} // channel by key
		for range 3 {
			b := batches.Batch(t, schema, 60)
			split(t, p, b, sel)
			key := b.Project(schema.Select(columns), columns)
			key.Time, key.Kind = nil, nil
			hashes := make([]uint64, b.Rows())
			keys.Hash(key.Columns, b.Sel, b.Rows(), hashes)
			of := channelsOf(sel)
			for i := range b.Rows() {
				row := b.Row(i)
				text := batches.RowText(key, row)
				channel, seen := home[text]
				if seen && channel != of[int32(row)] {
					t.Fatalf("key %s is in channels %d and %d", text, channel, of[int32(row)])
				}
				home[text] = of[int32(row)]
				group := keys.Group(hashes[i], groups)
				c := of[int32(row)]
				if from, to := keys.GroupsOf(c, len(sel), groups); group < from || group >= to {
					t.Fatalf("row %d of key group %d is in channel %d, which has those from %d to %d", row, group, c, from, to)
				}
			}
		}
	})
}

func TestHashRefuses(t *testing.T) {
	for _, groups := range []int{-4, 0, 3, 1000} {
		if _, err := partition.NewHash([]int{0}, groups); err == nil {
			t.Errorf("%d key groups are accepted", groups)
		}
	}
	p, err := partition.NewHash(nil, 4)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Partition(columnar.Batch{}, make([][]int32, 5)); err == nil {
		t.Error("5 channels of 4 key groups are accepted")
	}
}

func TestIndex(t *testing.T) {
	for _, typ := range []columnar.Type{columnar.Int32Type, columnar.Int64Type} {
		b := indexBatch(typ, []int64{2, 0, 9, 2, 1})
		b.Sel = []int32{0, 1, 3, 4}
		sel := make([][]int32, 3)
		if err := partition.NewIndex(0).Partition(b, sel); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]int32{{1}, {4}, {0, 3}}, sel); diff != "" {
			t.Error(diff)
		}
		b = indexBatch(typ, []int64{3, -1, -3, 7})
		if err := partition.NewIndex(0).Partition(b, sel); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]int32{{0, 2}, {3}, {1}}, sel); diff != "" {
			t.Error("modulo the number of channels:", diff)
		}
		b = indexBatch(typ, []int64{1, 1})
		b.Columns[0].Valid = columnar.NewBitmap(2)
		if err := partition.NewIndex(0).Partition(b, sel); err == nil {
			t.Error("null is accepted")
		}
	}
	if err := partition.NewIndex(0).Partition(batches.Random(columnar.NewSchema(columnar.Field{Type: columnar.StringType}), 2, 1), make([][]int32, 2)); err == nil {
		t.Error("strings are accepted")
	}
}

func indexBatch(typ columnar.Type, channels []int64) columnar.Batch {
	bb := columnar.NewBatchBuilder(columnar.NewSchema(columnar.Field{Name: "channel", Type: typ}), len(channels))
	for _, c := range channels {
		if typ.Kind == columnar.Int32 {
			columnar.AppendFixed(bb.Column(0), int32(c))
		} else {
			columnar.AppendFixed(bb.Column(0), c)
		}
	}
	bb.Added(len(channels))
	return bb.Finish()
}

func TestSpreadIsEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type})
		var p partition.Spread
		sel := make([][]int32, rapid.IntRange(1, 9).Draw(t, "channels"))
		counts := make([]int, len(sel))
		for range rapid.IntRange(1, 10).Draw(t, "batches") {
			split(t, &p, batches.Batch(t, schema, 40), sel)
			for c := range sel {
				counts[c] += len(sel[c])
			}
		}
		if slices.Max(counts)-slices.Min(counts) > 1 {
			t.Fatalf("rows by channel: %v", counts)
		}
	})
}

func TestForwardAndBroadcast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type})
		sel := make([][]int32, rapid.IntRange(1, 5).Draw(t, "channels"))
		to := rapid.IntRange(0, len(sel)-1).Draw(t, "to")
		forward, broadcast := &partition.Forward{Channel: to}, &partition.Broadcast{}
		for range 3 {
			b := batches.Batch(t, schema, 40)
			split(t, forward, b, sel)
			if len(sel[to]) != b.Rows() {
				t.Fatalf("channel %d got %d of %d rows", to, len(sel[to]), b.Rows())
			}
			if err := broadcast.Partition(b, sel); err != nil {
				t.Fatal(err)
			}
			for c := range sel {
				if !slices.Equal(counted(b), sel[c]) {
					t.Fatalf("channel %d got %v", c, sel[c])
				}
			}
		}
	})
}

func BenchmarkHash(b *testing.B) {
	words := columnar.NewSchema(columnar.Field{Name: "word", Type: columnar.StringType}, columnar.Field{Name: "n", Type: columnar.Int64Type})
	batch := batches.Random(words, columnar.DefaultRows, 1)
	for name, column := range map[string]int{"string": 0, "int64": 1} {
		for _, channels := range []int{2, 64, 1000} {
			b.Run(fmt.Sprintf("%s/channels=%d", name, channels), func(b *testing.B) {
				p, err := partition.NewHash([]int{column}, 1024)
				if err != nil {
					b.Fatal(err)
				}
				sel := make([][]int32, channels)
				b.ReportAllocs()
				for b.Loop() {
					if err := p.Partition(batch, sel); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*batch.Len)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}
