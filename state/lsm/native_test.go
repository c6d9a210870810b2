package lsm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/lsm"
)

var (
	userKey = []columnar.Field{{Name: "user", Type: columnar.Int64Type}}
	counts  = state.Table{Name: "counts", Kind: "value", Keys: userKey, Values: []columnar.Field{{Name: "n", Type: columnar.Int64Type}}}
)

func ids(from, n int) []columnar.Column {
	values := make([]int64, n)
	for i := range values {
		values[i] = int64(from + i)
	}
	return []columnar.Column{columnar.Of(columnar.Int64Type, values, columnar.Bitmap{})}
}

// saved is a place for native snapshots: shared files are kept once.
type saved struct {
	shared map[string][]byte
	bytes  int64 // written
}

func (s *saved) save(t *testing.T, f state.Frozen) []state.File {
	t.Helper()
	var kept []state.File
	for _, file := range f.(state.Native).Files(nil) {
		content, have := s.shared[file.Name]
		if !have {
			in, err := file.Open()
			if err != nil {
				t.Fatal(err)
			}
			if content, err = io.ReadAll(in); err != nil || int64(len(content)) != file.Size {
				t.Fatalf("%s: %d bytes of %d, %v", file.Name, len(content), file.Size, err)
			}
			if err := in.Close(); err != nil {
				t.Fatal(err)
			}
			s.bytes += file.Size
			if file.Shared {
				s.shared[file.Name] = content
			}
		}
		file.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
		kept = append(kept, file)
	}
	return kept
}

// sum adds up the counts of a frozen state and counts its rows.
func sum(t *testing.T, f state.Frozen) (total int64, rows int) {
	t.Helper()
	for r, err := range f.Read(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range columnar.Values[int64](r.Batch.Columns[1]) {
			total += v
		}
		rows += r.Batch.Rows()
	}
	return total, rows
}

func TestNativeSnapshots(t *testing.T) {
	all := state.Share(0, 1, 16)
	b := budget.New(64 << 20)
	s, err := lsm.New(lsm.Config{Keys: userKey, Groups: all, Memory: b.Account("state"), Bytes: 8 << 20, Dir: filepath.Join(t.TempDir(), "state"), Native: true})
	if err != nil {
		t.Fatal(err)
	}
	cells, err := s.Open(counts)
	if err != nil {
		t.Fatal(err)
	}
	timers, err := s.OpenTimers("timers")
	if err != nil {
		t.Fatal(err)
	}
	store := saved{shared: map[string][]byte{}}
	var snapshots [][]state.File
	var totals []int64
	const n = 20_000
	for round := range 4 {
		if err := s.Select(ids(round*n, n), nil, n); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			s.Use(i)
			cell := fmt.Appendf(nil, "%08d", round)
			if err := errors.Join(cells.Put(nil, cell), timers.Set(int64(i), []byte("x"))); err != nil {
				t.Fatal(err)
			}
		}
		f, err := s.Freeze()
		if err != nil {
			t.Fatal(err)
		}
		snapshots = append(snapshots, store.save(t, f))
		total, rows := sum(t, f)
		totals = append(totals, total)
		if rows != (round+1)*n {
			t.Errorf("%d rows of %d", rows, (round+1)*n)
		}
		f.Release()
	}
	before := store.bytes
	f, err := s.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	again := store.save(t, f)
	f.Release()
	if same := shared(snapshots[3], again); same == 0 || store.bytes-before > before/2 {
		t.Errorf("a snapshot after no change shares %d files with the one before, and writes %d bytes", same, store.bytes-before)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Used() != 0 {
		t.Errorf("%d bytes are left in the budget", b.Used())
	}
	for i, files := range snapshots {
		for _, groups := range []state.Groups{all, state.Share(1, 3, 16)} {
			f, err := lsm.OpenFiles(context.Background(), lsm.Source{Files: files, Groups: groups, Dir: filepath.Join(t.TempDir(), "restored")})
			if err != nil {
				t.Fatal(err)
			}
			total, rows := sum(t, f)
			if groups == all && total != totals[i] {
				t.Errorf("snapshot %d: a sum of %d, not %d", i, total, totals[i])
			}
			if groups != all && (rows == 0 || rows > (i+1)*n*6/10) {
				t.Errorf("snapshot %d: %d rows of a third of the key groups", i, rows)
			}
			if len(f.Tables()) != 2 || f.Tables()[0].Name != "counts" {
				t.Errorf("got the tables %v", f.Tables())
			}
			f.Release()
		}
	}
}

// shared counts the files that both snapshots have.
func shared(a, b []state.File) int {
	names := map[string]bool{}
	for _, f := range a {
		names[f.Name] = f.Shared
	}
	n := 0
	for _, f := range b {
		if names[f.Name] {
			n++
		}
	}
	return n
}

func TestFoldersGoWithTheirStores(t *testing.T) {
	cfg := lsm.Config{Keys: userKey, Groups: state.Share(0, 1, 16), Dir: filepath.Join(t.TempDir(), "a", "state")}
	for range 2 {
		a, err := lsm.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		b, err := lsm.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(cfg.Dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder is left: %v", err)
		}
	}
}

func TestOpenFilesRefuses(t *testing.T) {
	file := func(name, content string) state.File {
		return state.File{Name: name, Size: int64(len(content)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(content))), nil }}
	}
	for name, files := range map[string][]state.File{"none": nil, "foreign": {file("CURRENT", "nonsense"), file("MANIFEST-000001", "nonsense")}} {
		t.Run(name, func(t *testing.T) {
			_, err := lsm.OpenFiles(context.Background(), lsm.Source{Files: files, Groups: state.Share(0, 1, 4), Dir: filepath.Join(t.TempDir(), "x")})
			if !errors.Is(err, state.ErrCorrupt) {
				t.Errorf("got %v", err)
			}
		})
	}
	short := file("000001.sst", "abc")
	short.Size = 5
	if _, err := lsm.OpenFiles(context.Background(), lsm.Source{Files: []state.File{short}, Dir: filepath.Join(t.TempDir(), "x")}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}
