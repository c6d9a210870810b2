package spill_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
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
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
	"github.com/millrace/millrace/vfs/local"
	"github.com/millrace/millrace/vfs/mem"
)

type fataler interface{ Fatal(args ...any) }

func newManager(t fataler, fsys vfs.FileSystem, o spill.Options) *spill.Manager {
	o.Dirs, o.Owner = []spill.Dir{{FS: fsys, Path: "/scratch"}}, "job-1"
	m, err := spill.NewManager(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// texts reads a whole run.
func texts(t fataler, ctx context.Context, run *spill.Run) (rows []string) {
	r, err := run.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return drain(t, r)
}

// drain reads the rest of a run and closes the reader.
func drain(t fataler, r *spill.Reader) (rows []string) {
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, batches.Text(b)...)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	return rows
}

func files(t fataler, ctx context.Context, fsys vfs.FileSystem) (names []string) {
	infos, err := fsys.List(ctx, "/scratch/millrace-spill-job-1")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, i := range infos {
		names = append(names, i.Name())
	}
	return names
}

// TestRunsKeepRowsInOrder appends random batches to random runs, with blocks of any size, and reads each run back twice.
func TestRunsKeepRowsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		memory := budget.New(1 << 30)
		fsys := mem.New("")
		m := newManager(t, fsys, spill.Options{
			BlockBytes: rapid.SampledFrom([]int{1, 100, 5000, 1 << 20}).Draw(t, "block"),
			Codec:      rapid.SampledFrom([]block.Codec{block.None, block.LZ4}).Draw(t, "codec"),
			Memory:     memory.Account("spill"),
		})
		schema := batches.Schema(t, 3)
		n := rapid.IntRange(1, 5).Draw(t, "runs")
		p, err := m.NewPartitioned(ctx, "test", schema, n)
		if err != nil {
			t.Fatal(err)
		}
		want := make([][]string, n)
		total := 0
		for range rapid.IntRange(0, 12).Draw(t, "batches") {
			b := batches.Batch(t, schema, 120)
			i := rapid.IntRange(0, n-1).Draw(t, "run")
			if err := p.Append(i, b); err != nil {
				t.Fatal(err)
			}
			want[i] = append(want[i], batches.Text(b)...)
			total += b.Rows()
			for k := range b.Columns { // borrowed buffers may change now
				if b.Columns[k].Offsets == nil {
					invariant.Poison(b.Columns[k].Data)
				}
			}
		}
		runs, err := p.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Abort(); err != nil {
			t.Fatal(err)
		}
		for i, run := range runs {
			for range 2 {
				if diff := cmp.Diff(want[i], texts(t, ctx, run)); diff != "" {
					t.Fatalf("run %d: %s", i, diff)
				}
			}
			if run.Rows() != int64(len(want[i])) || run.Schema() != schema {
				t.Fatalf("run %d counts %d rows, want %d", i, run.Rows(), len(want[i]))
			}
			copied(t, ctx, run, want[i])
			openedAt(t, ctx, run, want[i])
		}
		if got := m.Stats(); got.Rows != int64(total) || got.Files != 1 || total > 0 && (got.Bytes == 0 || got.BytesRead < 3*got.Bytes) {
			t.Fatalf("stats %+v of %d rows", got, total)
		}
		for i, run := range runs {
			if len(files(t, ctx, fsys)) != 1 {
				t.Fatalf("the file is gone before run %d is removed", i)
			}
			if err := run.Remove(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if left := files(t, ctx, fsys); left != nil {
			t.Fatalf("%v is left", left)
		}
		if memory.Used() != 0 {
			t.Fatalf("%d bytes of buffers are still counted", memory.Used())
		}
	})
}

// openedAt checks that a reader may begin at any row.
func openedAt(t *rapid.T, ctx context.Context, run *spill.Run, want []string) {
	at := rapid.IntRange(0, len(want)+1).Draw(t, "at")
	r, err := run.OpenAt(ctx, int64(at))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[min(at, len(want)):], drain(t, r), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("from row %d on: %s", at, diff)
	}
}

// TestOrderedRuns appends run by run, some of it copied from other runs, and reads each back.
func TestOrderedRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		m := newManager(t, mem.New(""), spill.Options{BlockBytes: rapid.SampledFrom([]int{1, 1000, 1 << 20}).Draw(t, "block")})
		schema := batches.Schema(t, 2)
		n := rapid.IntRange(1, 4).Draw(t, "runs")
		want := make([][]string, n)
		var sources [][]*spill.Run
		for range 2 {
			p, err := m.NewPartitioned(ctx, "source", schema, n)
			if err != nil {
				t.Fatal(err)
			}
			for run := range n {
				b := batches.Batch(t, schema, 50)
				want[run] = append(want[run], batches.Text(b)...)
				if err := p.Append(run, b); err != nil {
					t.Fatal(err)
				}
			}
			runs, err := p.Finish()
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, runs)
		}
		p, err := m.NewOrdered(ctx, "merged", schema, n)
		if err != nil {
			t.Fatal(err)
		}
		for run := range n {
			for _, s := range sources {
				if err := p.AppendRun(ctx, run, s[run]); err != nil {
					t.Fatal(err)
				}
			}
			last := batches.Batch(t, schema, 50)
			want[run] = append(want[run], batches.Text(last)...)
			if err := errors.Join(p.Append(run, last), p.EndRun(run), p.EndRun(run)); err != nil {
				t.Fatal(err)
			}
		}
		merged, err := p.Finish()
		if err != nil {
			t.Fatal(err)
		}
		for run := range n {
			if diff := cmp.Diff(want[run], texts(t, ctx, merged[run]), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("run %d: %s", run, diff)
			}
		}
	})
}

// copied checks that CopyTo gives the run's blocks as a stream.
func copied(t *rapid.T, ctx context.Context, run *spill.Run, want []string) {
	var out bytes.Buffer
	if n, err := run.CopyTo(ctx, &out); err != nil || n != run.Bytes() || n != int64(out.Len()) {
		t.Fatalf("copied %d of %d bytes, %v", n, run.Bytes(), err)
	}
	r := block.NewReader(&out, block.NewDecoder(run.Schema()))
	var got []string
	for i := uint64(0); ; i++ {
		h, b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || h.Sequence != i {
			t.Fatalf("block %d has sequence %d, %v", i, h.Sequence, err)
		}
		got = append(got, batches.Text(b)...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

var numbers = columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type}, columnar.Field{Name: "s", Type: columnar.StringType})

// TestBlocksAreBounded appends one huge batch and many tiny ones: neither makes huge or tiny blocks.
func TestBlocksAreBounded(t *testing.T) {
	ctx := t.Context()
	m := newManager(t, mem.New(""), spill.Options{BlockBytes: 32 << 10})
	huge, tiny := batches.Random(numbers, 50_000, 1), batches.Random(numbers, 10, 2)
	w, err := m.NewWriter(ctx, "sort", numbers)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(huge); err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		if err := w.Append(tiny); err != nil {
			t.Fatal(err)
		}
	}
	run, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	r, err := run.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	blocks, rows := 0, int64(0)
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		blocks++
		rows += int64(b.Len)
		last := rows == run.Rows()
		if size := b.Size(); size > 3*(32<<10)+70_000 || size < 8<<10 && !last {
			t.Errorf("block %d has %d bytes", blocks, size)
		}
	}
	if rows != 70_000 {
		t.Errorf("%d rows", rows)
	}
}

func TestFullDisk(t *testing.T) {
	ctx := t.Context()
	memory := budget.New(1 << 30)
	inner := mem.New("")
	m := newManager(t, errfs.New(inner, errfs.Options{Capacity: 100_000}), spill.Options{Memory: memory.Account("spill")})
	w, err := m.NewWriter(ctx, "sort", numbers)
	if err != nil {
		t.Fatal(err)
	}
	b := batches.Random(numbers, 5000, 1)
	for err == nil {
		err = w.Append(b)
	}
	if !errors.Is(err, syscall.ENOSPC) || !vfs.IsUnavailable(err) || !strings.Contains(err.Error(), "in folder mem:///scratch") {
		t.Errorf("got %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if left := files(t, ctx, inner); left != nil || memory.Used() != 0 {
		t.Errorf("%v and %d bytes are left", left, memory.Used())
	}
}

// TestFaults makes each kind of call fail: the error comes through and names the folder, and Abort and Close leave nothing.
func TestFaults(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, op := range []errfs.Op{errfs.Create, errfs.Mkdir, errfs.Write, errfs.Close, errfs.Open, errfs.Read, errfs.Remove} {
		t.Run(string(op), func(t *testing.T) {
			ctx := t.Context()
			inner := mem.New("")
			m := newManager(t, errfs.New(inner, errfs.Options{Faults: []errfs.Fault{{Op: op, Err: broken}}}), spill.Options{})
			err := spillAndRead(ctx, m)
			if !errors.Is(err, broken) || !strings.Contains(err.Error(), "mem:///scratch") {
				t.Errorf("got %v", err)
			}
			if err := m.Close(ctx); err != nil {
				t.Error(err)
			}
			if left := files(t, ctx, inner); left != nil {
				t.Errorf("%v is left", left)
			}
		})
	}
}

func spillAndRead(ctx context.Context, m *spill.Manager) (err error) {
	w, err := m.NewWriter(ctx, "sort", numbers)
	if err != nil {
		return err
	}
	if err := w.Append(batches.Random(numbers, 100, 1)); err != nil {
		return errors.Join(err, w.Abort())
	}
	run, err := w.Finish()
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	r, err := run.Open(ctx)
	if err != nil {
		return err
	}
	_, err = r.Next()
	return errors.Join(err, r.Close(), run.Remove(ctx))
}

// TestDamagedFile changes, cuts and removes a spill file between writing and reading.
func TestDamagedFile(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
		"empty":     func([]byte) []byte { return nil },
		"changed":   func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			fsys := mem.New("")
			m := newManager(t, fsys, spill.Options{BlockBytes: 1000})
			w, err := m.NewWriter(ctx, "sort", numbers)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Append(batches.Random(numbers, 1000, 1)); err != nil {
				t.Fatal(err)
			}
			run, err := w.Finish()
			if err != nil {
				t.Fatal(err)
			}
			file := path.Join("/scratch/millrace-spill-job-1", files(t, ctx, fsys)[0])
			data, err := vfs.ReadFile(ctx, fsys, file)
			if err != nil {
				t.Fatal(err)
			}
			if err := vfs.WriteFileAtomic(ctx, fsys, file, damage(data)); err != nil {
				t.Fatal(err)
			}
			r, err := run.Open(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for err == nil {
				_, err = r.Next()
			}
			if !errors.Is(err, block.ErrCorrupt) || !strings.Contains(err.Error(), "sort-000001") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCrashedPredecessorIsCleared(t *testing.T) {
	ctx := t.Context()
	fsys := mem.New("")
	before := newManager(t, fsys, spill.Options{})
	if _, err := before.NewWriter(ctx, "sort", numbers); err != nil {
		t.Fatal(err)
	}
	other, err := spill.NewManager(spill.Options{Dirs: []spill.Dir{{FS: fsys, Path: "/scratch"}}, Owner: "job/2"})
	if err != nil {
		t.Fatal(err)
	}
	w, err := other.NewWriter(ctx, "hash join", numbers)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(batches.Random(numbers, 1, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	after := newManager(t, fsys, spill.Options{})
	if err := spillAndRead(ctx, after); err != nil {
		t.Fatal(err)
	}
	if left := files(t, ctx, fsys); left != nil {
		t.Errorf("%v is left of the predecessor", left)
	}
	dir := spill.Dir{FS: fsys, Path: "/scratch"}
	if err := spill.Sweep(ctx, dir, func(owner string) bool { return owner == "job-1" }); err != nil {
		t.Fatal(err)
	}
	infos, err := fsys.List(ctx, "/scratch")
	if err != nil || len(infos) != 1 || infos[0].Name() != "millrace-spill-job-1" {
		t.Errorf("after the sweep there are %v, %v", infos, err)
	}
	if err := spill.Sweep(ctx, spill.Dir{FS: fsys, Path: "/nowhere"}, nil); err != nil {
		t.Errorf("sweeping a missing folder: %v", err)
	}
}

func TestNothingSpilledTouchesNothing(t *testing.T) {
	fsys := mem.New("")
	m := newManager(t, fsys, spill.Options{})
	if err := m.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := fsys.Stat(t.Context(), "/scratch"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
	if _, err := spill.NewManager(spill.Options{Owner: "x"}); err == nil {
		t.Error("no folder is accepted")
	}
}

func TestConcurrentWritersOnRealDisks(t *testing.T) {
	ctx := t.Context()
	disks := []spill.Dir{{FS: local.FS{NoSync: true}, Path: t.TempDir()}, {FS: local.FS{NoSync: true}, Path: t.TempDir()}}
	m, err := spill.NewManager(spill.Options{Dirs: disks, Owner: "job", Codec: block.LZ4, BlockBytes: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			b := batches.Random(numbers, 3000, uint64(i))
			w, err := m.NewWriter(ctx, fmt.Sprint("task ", i), numbers)
			if err != nil {
				t.Error(err)
				return
			}
			if err := w.Append(b); err != nil {
				t.Error(err)
			}
			run, err := w.Finish()
			if err != nil {
				t.Error(err)
				return
			}
			if diff := cmp.Diff(batches.Text(b), texts(panics{}, ctx, run)); diff != "" {
				t.Error(diff)
			}
		})
	}
	wg.Wait()
	for _, d := range disks {
		if infos, err := d.FS.List(ctx, path.Join(d.Path, "millrace-spill-job")); err != nil || len(infos) != 4 {
			t.Errorf("a disk got %d of 8 files, %v", len(infos), err)
		}
	}
	if err := m.Close(ctx); err != nil {
		t.Error(err)
	}
	for _, d := range disks {
		if infos, err := d.FS.List(ctx, d.Path); err != nil || len(infos) != 0 {
			t.Errorf("%v is left, %v", infos, err)
		}
	}
}

// panics is for goroutines, where testing's Fatal is not allowed.
type panics struct{}

func (panics) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func BenchmarkSpill(b *testing.B) {
	batch := batches.Random(numbers, columnar.DefaultRows, 1)
	batch.Time, batch.Kind = nil, nil
	ctx := b.Context()
	m, err := spill.NewManager(spill.Options{Dirs: []spill.Dir{{FS: local.FS{NoSync: true}, Path: b.TempDir()}}, Owner: "job"})
	if err != nil {
		b.Fatal(err)
	}
	const appends = 100
	b.ReportAllocs()
	for b.Loop() {
		w, err := m.NewWriter(ctx, "sort", numbers)
		if err != nil {
			b.Fatal(err)
		}
		for range appends {
			if err := w.Append(batch); err != nil {
				b.Fatal(err)
			}
		}
		run, err := w.Finish()
		if err != nil {
			b.Fatal(err)
		}
		r, err := run.Open(ctx)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = r.Next()
		}
		if err := errors.Join(r.Close(), run.Remove(ctx)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(appends*batch.Len*b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(appends*batch.Size()*b.N)/b.Elapsed().Seconds()/1e6, "MB/s")
}
