package heap_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
)

var (
	pageKey = []columnar.Field{{Name: "user", Type: columnar.StringType}}
	counts  = state.Table{Name: "counts", Kind: "value", Keys: pageKey, Values: []columnar.Field{{Name: "n", Type: columnar.Int64Type}}}
	pages   = state.Table{Name: "pages", Kind: "map", Keys: pageKey, Namespace: pageKey, Values: []columnar.Field{{Name: "n", Type: columnar.Int64Type}}}
)

// kept is a file that has been saved.
type kept struct{ *bytes.Reader }

func (kept) Close() error { return nil }

func fileOf(name string, content []byte) state.File {
	return state.File{Name: name, Size: int64(len(content)), Shared: true, Open: func() (io.ReadCloser, error) { return kept{bytes.NewReader(content)}, nil }}
}

// save reads files that are not in base.
func save(t testing.TB, f state.Frozen, base []state.File) (files []state.File, fresh int64) {
	t.Helper()
	for _, file := range f.(state.Native).Files(base) {
		if i := slices.IndexFunc(base, func(b state.File) bool { return b.Name == file.Name }); i >= 0 {
			files = append(files, base[i])
			continue
		}
		in, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		fresh += int64(len(content))
		files = append(files, fileOf(file.Name, content))
	}
	return files, fresh
}

// changing is a store whose counts are changed.
type changing struct {
	state.Store
	counts, pages state.Cells
}

func newChanging(t testing.TB) *changing {
	t.Helper()
	s, err := heap.New(heap.Config{Keys: pageKey, Groups: state.Share(0, 1, 16), NativeFrom: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &changing{s, openTable(t, s, counts), openTable(t, s, pages)}
}

func (c *changing) set(t testing.TB, to int, n byte) {
	t.Helper()
	for i := range to {
		b := columnar.NewBuilder(columnar.StringType, 1)
		b.AppendString(strings.Repeat("key", i%7) + string(rune('a'+i%26)) + strings.Repeat("x", i/26))
		err := c.UseKey([]columnar.Column{b.Finish()}, 0)
		if err == nil {
			err = c.counts.Put(nil, bytes.Repeat([]byte{n}, 8))
		}
		if err == nil && i%3 == 0 {
			err = c.pages.Put([]byte{n}, make([]byte, 8))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (c *changing) freeze(t testing.TB) state.Frozen {
	t.Helper()
	f, err := c.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestChainIsBounded saves a snapshot after each of many small and large changes: what a snapshot refers to is at most about twice of what there is,
// in at most as many links as there may be, and what is written is about what was changed.
func TestChainIsBounded(t *testing.T) {
	for _, share := range []int{1, 10, 100, 1000} {
		c := newChanging(t)
		c.set(t, 1000, 0)
		var base []state.File
		full, written := int64(0), int64(0)
		size := func(files []state.File) (n int64) {
			for _, f := range files {
				n += f.Size
			}
			return n
		}
		for round := range 40 {
			c.set(t, share, byte(round))
			f := c.freeze(t)
			files, fresh := save(t, f, base)
			written += fresh
			_, full = save(t, f, nil)
			f.Release()
			if total := size(files); len(files) > 16 || total > 3*full {
				t.Fatalf("%d of 1000 rows: round %d refers to %d bytes in %d files; a whole one has %d", share, round, total, len(files), full)
			}
			base = files
		}
		if share <= 10 && written > 10*full {
			t.Errorf("40 changes of %d in 1000 rows wrote %d bytes; a whole snapshot has %d", share, written, full)
		}
	}
}

func TestNothingNew(t *testing.T) {
	c := newChanging(t)
	c.set(t, 100, 1)
	f := c.freeze(t)
	base, _ := save(t, f, nil)
	f.Release()
	f = c.freeze(t)
	if again, fresh := save(t, f, base); fresh != 0 || len(again) != len(base) {
		t.Errorf("%d files, %d bytes of them new, of a state that has not changed", len(again), fresh)
	}
	f.Release()
	other := newChanging(t)
	other.set(t, 100, 1)
	f = other.freeze(t)
	defer f.Release()
	if files, _ := save(t, f, base); slices.ContainsFunc(files, func(f state.File) bool { return f.Name == base[0].Name }) {
		t.Error("a snapshot refers to files of another store")
	}
}

func TestOpenFilesRefuses(t *testing.T) {
	c := newChanging(t)
	c.set(t, 50, 1)
	f := c.freeze(t)
	defer f.Release()
	files, _ := save(t, f, nil)
	whole := contentOf(t, files[0])
	for name, content := range map[string][]byte{
		"nothing": nil, "foreign": []byte("ARROW1 and more of another kind"), "cut": whole[:len(whole)-9], "head": append([]byte("x"), whole[1:]...),
		"foot": bytes.Replace(whole, []byte(`"epoch":1`), []byte(`"epoch":2`), 1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := heap.OpenFiles(t.Context(), heap.Source{Files: []state.File{fileOf("x.heap", content)}, Groups: state.Share(0, 1, 16)}); !errors.Is(err, state.ErrCorrupt) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := heap.OpenFiles(t.Context(), heap.Source{}); !errors.Is(err, state.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

func contentOf(t testing.TB, f state.File) []byte {
	t.Helper()
	in, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// FuzzOpenFiles reads files whose records are any bytes: errors match state.ErrCorrupt, and nothing panics or asks for more memory than there are
// bytes. What is not a file of ours otherwise is refused by TestOpenFilesRefuses.
func FuzzOpenFiles(f *testing.F) {
	c := newChanging(f)
	c.set(f, 60, 1)
	frozen := c.freeze(f)
	files, _ := save(f, frozen, nil)
	frozen.Release()
	c.set(f, 10, 2)
	frozen = c.freeze(f)
	chain, _ := save(f, frozen, files)
	frozen.Release()
	const head = len("millrace heap 1\n")
	for _, file := range chain {
		content := contentOf(f, file)
		f.Add(content[head : len(content)-8-int(binary.LittleEndian.Uint32(content[len(content)-4:]))])
	}
	f.Fuzz(func(t *testing.T, records []byte) {
		foot, err := json.Marshal(map[string]any{
			"epoch": 1, "tables": []state.Table{counts, pages}, "groups": [][3]int{{3, head, len(records)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		content := append(append([]byte("millrace heap 1\n"), records...), foot...)
		content = binary.LittleEndian.AppendUint32(content, crc32.Checksum(foot, crc32.MakeTable(crc32.Castagnoli)))
		content = binary.LittleEndian.AppendUint32(content, uint32(len(foot)))
		snapshot, err := heap.OpenFiles(t.Context(), heap.Source{Files: []state.File{fileOf("x.heap", content)}, Groups: state.Share(0, 1, 16)})
		if err != nil {
			t.Fatal(err)
		}
		defer snapshot.Release()
		for i := range snapshot.Tables() {
			for _, err := range snapshot.Read(t.Context(), i) {
				if err == nil {
					continue
				}
				if !errors.Is(err, state.ErrCorrupt) {
					t.Fatal(err)
				}
				break
			}
		}
	})
}
