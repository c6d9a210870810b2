package statetest

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
)

// OpenFiles reads a native snapshot, of which the rows of some key groups are wanted.
type OpenFiles func(t testing.TB, files []state.File, groups state.Groups, clock func() time.Time) (state.Frozen, error)

// Native tests the files of a back end: stores that open returns have some however small they are. Random operations change a store; snapshots
// are saved now and then, each beside an earlier one or none, while the store goes on; and read back, whole and by parts.
func Native(t *testing.T, open Open, read OpenFiles) {
	t.Helper()
	for name, key := range map[string][]columnar.Field{"string": stringKey, "int": intKey, "pair": pairKey} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				m := &machine{t: rt, tb: t, open: open, key: key, now: time.UnixMicro(1e15), small: rapid.Bool().Draw(rt, "small")}
				m.groups = rapid.SampledFrom([]state.Groups{state.Share(0, 1, 1), state.Share(0, 1, 16), state.Share(1, 3, 8)}).Draw(rt, "groups")
				m.space = rapid.SampledFrom([]int{3, 20, 500}).Draw(rt, "keys")
				m.native = &snapshots{read: read, contents: map[string][]byte{}}
				m.run()
			})
		})
	}
}

// snapshots are native snapshots that have been saved.
type snapshots struct {
	read     OpenFiles
	contents map[string][]byte // of shared files
	saved    [][]state.File    // shared files, by snapshot
}

// save saves a view beside an earlier snapshot, or none, and reads it back.
func (m *machine) save(f frozen) {
	m.t.Helper()
	s := m.native
	var base []state.File
	if n := len(s.saved); n > 0 && rapid.IntRange(0, 9).Draw(m.t, "with base") > 0 {
		base = s.saved[rapid.IntRange(max(0, n-3), n-1).Draw(m.t, "base")]
	}
	files, err := s.copy(f.view.(state.Native).Files(slices.Clone(base)))
	if err != nil {
		m.t.Fatal(err)
	}
	if len(files) == 0 {
		if rows := slices.Concat(f.want...); len(rows) > 0 {
			m.t.Fatalf("a snapshot of %d rows without files", len(rows))
		}
		return
	}
	third := state.Groups{From: m.groups.From, To: (2*m.groups.From + m.groups.To + 2) / 3, Max: m.groups.Max}
	for _, groups := range []state.Groups{m.groups, third} {
		got, err := s.read(m.tb, files, groups, func() time.Time { return f.at })
		if err != nil {
			m.t.Fatal(err)
		}
		var want [][]string
		for _, lines := range f.want {
			want = append(want, slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
				group := 0
				_, err := fmt.Sscan(line, &group)
				return err != nil || !groups.Has(group)
			}))
		}
		diff := cmp.Diff(want, dump(m.tb, got, groups), cmp.Transformer("Lines", func(lines []string) string { return strings.Join(lines, "\n") }))
		got.Release()
		if diff != "" {
			m.t.Fatalf("what was saved is not what was frozen: %.2000s", diff)
		}
	}
	s.saved = append(s.saved, slices.DeleteFunc(files, func(f state.File) bool { return !f.Shared }))
}

// copy saves files, as the side of checkpoints does: those that are shared once.
func (s *snapshots) copy(files []state.File) (kept []state.File, err error) {
	for _, f := range files {
		content, have := s.contents[f.Name]
		if !have || !f.Shared {
			if content, err = contentOf(f); err != nil {
				return nil, err
			}
			if f.Shared {
				s.contents[f.Name] = content
			}
		}
		f.Size = int64(len(content))
		f.Open = func() (io.ReadCloser, error) { return openFile{bytes.NewReader(content)}, nil }
		kept = append(kept, f)
	}
	return kept, nil
}

// openFile is a file that is open.
type openFile struct{ *bytes.Reader }

// Close does nothing.
func (openFile) Close() error { return nil }

func contentOf(f state.File) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(in)
	if err == nil && f.Size >= 0 && int64(len(content)) != f.Size {
		err = fmt.Errorf("file %s has %d bytes of %d", f.Name, len(content), f.Size)
	}
	if err != nil {
		return nil, err
	}
	return content, in.Close()
}
