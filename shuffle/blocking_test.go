package shuffle_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/block"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/invariant"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/shuffle"
	"github.com/millrace/millrace/shuffle/partition"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
	"github.com/millrace/millrace/vfs/local"
	"github.com/millrace/millrace/vfs/mem"
)

type fataler interface{ Fatal(args ...any) }

const scratch = "/scratch/millrace-spill-job"

func newSpill(t fataler, fsys vfs.FileSystem) *spill.Manager {
	m, err := spill.NewManager(spill.Options{Dirs: []spill.Dir{{FS: fsys, Path: "/scratch"}}, Owner: "job", BlockBytes: 2000})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// left returns the scratch files.
func left(t fataler, fsys vfs.FileSystem) []vfs.Info {
	infos, err := fsys.List(context.Background(), scratch)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return infos
}

// poll reads a gate to its end, and closes it.
func poll(t fataler, g shuffle.Gate) (rows []string) {
	for !g.HasEnded() {
		i, ok, err := g.Poll()
		b := i.Batch
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			rows = append(rows, batches.Text(b)...)
		}
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// poison overwrites what a batch's maker may reuse.
func poison(b columnar.Batch) {
	for _, c := range b.Columns {
		if c.Offsets == nil {
			invariant.Poison(c.Data)
		}
	}
	invariant.Poison(b.Sel)
	invariant.Poison(b.Time)
}

// TestBlockingKeepsRowsByPartition writes random batches, fresh and borrowed, with budgets from none to plenty, and reads ranges of
// partitions: each row comes out in its partition, in order, however often it is read.
func TestBlockingKeepsRowsByPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		fsys := mem.New("")
		memory := budget.New(rapid.SampledFrom([]int64{0, 3000, 30_000, 1 << 30}).Draw(t, "budget"))
		schema := batches.Schema(t, 3)
		n := rapid.IntRange(1, 5).Draw(t, "partitions")
		by := partitioner(t)
		w, err := shuffle.NewBlockingWriter(ctx, shuffle.BlockingConfig{
			Schema: schema, Partitions: n, By: by(), Memory: memory.Account("edge"), Spill: newSpill(t, fsys), Name: "edge 1",
			BlockBytes: rapid.SampledFrom([]int{1, 1000, 20_000}).Draw(t, "block"),
		})
		if err != nil {
			t.Fatal(err)
		}
		want, sel, model := make([][]string, n), make([][]int32, n), by()
		for range rapid.IntRange(0, 10).Draw(t, "batches") {
			b := batches.Batch(t, schema, rapid.SampledFrom([]int{10, 100, 1000}).Draw(t, "most"))
			if b.Rows() > 0 {
				if err := model.Partition(b, sel); err != nil {
					t.Fatal(err)
				}
				for p := range sel {
					for _, r := range sel[p] {
						want[p] = append(want[p], batches.RowText(b, int(r)))
					}
				}
			}
			fresh := rapid.Bool().Draw(t, "fresh")
			if err := w.Write(b, fresh); err != nil {
				t.Fatal(err)
			}
			if !fresh {
				poison(b)
			}
		}
		facts, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			from := rapid.IntRange(0, n).Draw(t, "from")
			to := rapid.IntRange(from, n).Draw(t, "to")
			g, err := w.Output().Open(ctx, from, to)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(slices.Concat(want[from:to]...), poll(t, g), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("partitions %d to %d: %s", from, to, diff)
			}
		}
		for p := range want {
			if facts.Rows[p] != int64(len(want[p])) || facts.Rows[p] > 0 != (facts.Bytes[p] > 0) {
				t.Fatalf("partition %d has %d rows; reported are %d, %d bytes", p, len(want[p]), facts.Rows[p], facts.Bytes[p])
			}
		}
		if rapid.Bool().Draw(t, "abort") {
			w.Abort()
		} else if err := w.Output().Release(ctx); err != nil {
			t.Fatal(err)
		}
		if files := left(t, fsys); len(files) > 0 || memory.Used() != 0 {
			t.Fatalf("%v and %d bytes are left", files, memory.Used())
		}
	})
}

// partitioner draws a way to make partitioners that work on any schema.
func partitioner(t *rapid.T) func() partition.Partitioner {
	if rapid.Bool().Draw(t, "spread") {
		return func() partition.Partitioner { return &partition.Spread{} }
	}
	return func() partition.Partitioner {
		p, err := partition.NewHash([]int{0}, 1024)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

var words = columnar.NewSchema(columnar.Field{Name: "word", Type: columnar.StringType}, columnar.Field{Name: "n", Type: columnar.Int64Type})

// write writes batches of random words to a fresh writer and closes it.
func write(t fataler, m *spill.Manager, memory *budget.Account, partitions, count int) (shuffle.BlockingWriter, []string) {
	w, err := shuffle.NewBlockingWriter(context.Background(), shuffle.BlockingConfig{
		Schema: words, Partitions: partitions, By: &partition.Spread{}, Memory: memory, Spill: m, Name: "edge 7 of task 3", BlockBytes: 20_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range count {
		b := batches.Random(words, 1000, uint64(i))
		want = append(want, batches.Text(b)...)
		if err := w.Write(b, false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w, want
}

func TestSmallOutputStaysInMemory(t *testing.T) {
	fsys := mem.New("")
	m := newSpill(t, fsys)
	memory := budget.New(10 << 20)
	w, want := write(t, m, memory.Account("edge"), 3, 10)
	if m.Stats().Files != 0 {
		t.Errorf("%d files were written", m.Stats().Files)
	}
	if used := memory.Used(); used < 200_000 || used > 1_500_000 {
		t.Errorf("%d bytes are counted", used)
	}
	g, err := w.Output().Open(t.Context(), 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got := poll(t, g); len(got) != len(want) {
		t.Errorf("%d rows of %d", len(got), len(want))
	}
}

// TestSectionsAreMergedWhenSmall has many small sections: one file sorted by partition is left. And few large ones: they are left alone.
func TestSectionsAreMergedWhenSmall(t *testing.T) {
	for _, c := range []struct {
		partitions, budget, merged int
	}{{50, 100_000, 1}, {1, 200_000, 0}} {
		fsys := mem.New("")
		m := newSpill(t, fsys)
		w, want := write(t, m, budget.New(int64(c.budget)).Account("edge"), c.partitions, 60)
		files := left(t, fsys)
		if written := m.Stats().Files; written < 5 || c.merged == 1 && len(files) != 1 || c.merged == 0 && len(files) != int(written) {
			t.Errorf("%d partitions: %d of %d files are left", c.partitions, len(files), written)
		}
		g, err := w.Output().Open(t.Context(), 0, c.partitions)
		if err != nil {
			t.Fatal(err)
		}
		got := poll(t, g)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%d partitions: rows were lost or changed", c.partitions)
		}
	}
}

func TestLostOutput(t *testing.T) {
	for name, damage := range map[string]func(ctx context.Context, fsys vfs.FileSystem, file string) error{
		"changed": func(ctx context.Context, fsys vfs.FileSystem, file string) error {
			data, err := vfs.ReadFile(ctx, fsys, file)
			if err != nil {
				return err
			}
			data[len(data)/2] ^= 1
			return vfs.WriteFileAtomic(ctx, fsys, file, data)
		},
		"removed": func(ctx context.Context, fsys vfs.FileSystem, file string) error { return fsys.Remove(ctx, file) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			fsys := mem.New("")
			w, _ := write(t, newSpill(t, fsys), budget.New(0).Account("edge"), 2, 5)
			for _, f := range left(t, fsys) {
				if err := damage(ctx, fsys, path.Join(scratch, f.Name())); err != nil {
					t.Fatal(err)
				}
			}
			g, err := w.Output().Open(ctx, 0, 2)
			if err != nil {
				t.Fatal(err)
			}
			for err == nil && !g.HasEnded() {
				_, _, err = g.Poll()
			}
			var lost *shuffle.LostError
			if !errors.As(err, &lost) || lost.Exchange != "edge 7 of task 3" {
				t.Errorf("got %v", err)
			}
			if name == "changed" && !errors.Is(err, block.ErrCorrupt) {
				t.Errorf("got %v", err)
			}
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReleasedOutput(t *testing.T) {
	w, _ := write(t, newSpill(t, mem.New("")), budget.New(1<<20).Account("edge"), 2, 1)
	o := w.Output()
	if _, err := o.Open(t.Context(), 1, 3); err == nil {
		t.Error("partition 2 of 2 was opened")
	}
	if err := errors.Join(o.Release(t.Context()), o.Release(t.Context())); err != nil {
		t.Fatal(err)
	}
	var lost *shuffle.LostError
	if _, err := o.Open(t.Context(), 0, 1); !errors.As(err, &lost) {
		t.Errorf("got %v", err)
	}
}

// TestBlockingFullDisk fills the disk while sections are written and merged: the error says so, and Abort leaves nothing.
func TestBlockingFullDisk(t *testing.T) {
	for _, capacity := range []int64{1, 50_000, 400_000, 1_700_000} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			inner := mem.New("")
			memory := budget.New(100_000)
			w, err := shuffle.NewBlockingWriter(t.Context(), shuffle.BlockingConfig{
				Schema: words, Partitions: 50, By: &partition.Spread{}, Memory: memory.Account("edge"), Name: "edge 1", BlockBytes: 20_000,
				Spill: newSpill(t, errfs.New(inner, errfs.Options{Capacity: capacity})),
			})
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; err == nil && i < 50; i++ {
				err = w.Write(batches.Random(words, 1000, uint64(i)), true)
			}
			if err == nil {
				_, err = w.Close()
			}
			if !errors.Is(err, syscall.ENOSPC) || !vfs.IsUnavailable(err) {
				t.Errorf("got %v", err)
			}
			w.Abort()
			if files := left(t, inner); len(files) > 0 || memory.Used() != 0 {
				t.Errorf("%v and %d bytes are left", files, memory.Used())
			}
		})
	}
}

func TestChain(t *testing.T) {
	var gates []shuffle.Gate
	var want []string
	m := newSpill(t, mem.New(""))
	for _, count := range []int{2, 0, 3} {
		w, rows := write(t, m, budget.New(0).Account("edge"), 1, count)
		g, err := w.Output().Open(t.Context(), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		gates, want = append(gates, g), append(want, rows...)
	}
	if diff := cmp.Diff(want, poll(t, shuffle.Chain(gates))); diff != "" {
		t.Error(diff)
	}
	if g := shuffle.Chain(nil); !g.HasEnded() {
		t.Error("no gates: not ended")
	}
}

func TestNoPartitions(t *testing.T) {
	if _, err := shuffle.NewBlockingWriter(t.Context(), shuffle.BlockingConfig{Name: "edge 1"}); err == nil {
		t.Error("an exchange of no partitions was made")
	}
}

// TestManyReadersAtOnce has one output, in memory and on disk, read by many tasks at the same time.
func TestManyReadersAtOnce(t *testing.T) {
	for name, memory := range map[string]int64{"memory": 1 << 30, "disk": 0} {
		t.Run(name, func(t *testing.T) {
			w, want := write(t, newSpill(t, mem.New("")), budget.New(memory).Account("edge"), 1, 10)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					g, err := w.Output().Open(t.Context(), 0, 1)
					if err != nil {
						t.Error(err)
						return
					}
					if diff := cmp.Diff(want, poll(panics{}, g)); diff != "" {
						t.Error(diff)
					}
				})
			}
			wg.Wait()
		})
	}
}

// panics is for goroutines, where testing's Fatal is not allowed.
type panics struct{}

func (panics) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// order is a batch like an order table's: a key, a price, a date, a short text.
func order() columnar.Batch {
	schema := columnar.NewSchema(
		columnar.Field{Name: "key", Type: columnar.Int64Type}, columnar.Field{Name: "price", Type: columnar.Float64Type},
		columnar.Field{Name: "day", Type: columnar.DateType}, columnar.Field{Name: "clerk", Type: columnar.StringType},
	)
	bb := columnar.NewBatchBuilder(schema, columnar.DefaultRows)
	for i := range columnar.DefaultRows {
		columnar.AppendFixed(bb.Column(0), int64(i*7919))
		columnar.AppendFixed(bb.Column(1), float64(i))
		columnar.AppendFixed(bb.Column(2), int32(i))
		bb.Column(3).AppendString(fmt.Sprint("clerk ", i%1000))
	}
	bb.Added(columnar.DefaultRows)
	return bb.Finish()
}

// BenchmarkBlocking moves 1 Mi rows through an exchange by hash.
func BenchmarkBlocking(b *testing.B) {
	const count = 128
	batch := order()
	m, err := spill.NewManager(spill.Options{Dirs: []spill.Dir{{FS: local.FS{NoSync: true}, Path: b.TempDir()}}, Owner: "job"})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		budget int64
		fresh  bool
	}{{"borrowed", 1 << 30, false}, {"fresh", 1 << 30, true}, {"spilled", 16 << 20, false}} {
		for _, partitions := range []int{2, 8, 64} {
			b.Run(fmt.Sprintf("%s/partitions=%d", c.name, partitions), func(b *testing.B) {
				by, err := partition.NewHash([]int{0}, 1024)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := through(b.Context(), shuffle.BlockingConfig{
						Schema: batch.Schema, Partitions: partitions, By: by, Memory: budget.New(c.budget).Account("edge"), Spill: m, Name: "edge",
					}, batch, c.fresh, count); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(count*batch.Len*b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}

// through writes a batch count times, and reads everything.
func through(ctx context.Context, c shuffle.BlockingConfig, batch columnar.Batch, fresh bool, count int) error {
	w, err := shuffle.NewBlockingWriter(ctx, c)
	for i := 0; err == nil && i < count; i++ {
		err = w.Write(batch, fresh)
	}
	if err != nil {
		return err
	}
	if _, err := w.Close(); err != nil {
		return err
	}
	g, err := w.Output().Open(ctx, 0, c.Partitions)
	for err == nil && !g.HasEnded() {
		_, _, err = g.Poll()
	}
	return errors.Join(err, g.Close(), w.Output().Release(ctx))
}
