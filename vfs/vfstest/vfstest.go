// Package vfstest is the conformance suite of vfs.FileSystem: what local, mem, hdfs and errfs without faults all
// pass. Test-only.
package vfstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/millrace/millrace/vfs"
)

// Run runs the suite. fresh returns a file system and an empty folder in it for one test; the suite does not
// close the file system.
func Run(t *testing.T, fresh func(t *testing.T) (fsys vfs.FileSystem, dir string)) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(s *suite)
	}{
		{"Read", (*suite).read},
		{"ReadAtInParallel", (*suite).readAtInParallel},
		{"EmptyFile", (*suite).emptyFile},
		{"OpenErrors", (*suite).openErrors},
		{"CreateIsExclusive", (*suite).createIsExclusive},
		{"CreateErrors", (*suite).createErrors},
		{"Abort", (*suite).abort},
		{"AfterClose", (*suite).afterClose},
		{"ContextEnds", (*suite).contextEnds},
		{"Stat", (*suite).stat},
		{"List", (*suite).list},
		{"Mkdir", (*suite).mkdir},
		{"RenameFile", (*suite).renameFile},
		{"RenameFolder", (*suite).renameFolder},
		{"RenameErrors", (*suite).renameErrors},
		{"Remove", (*suite).remove},
		{"RemoveAll", (*suite).removeAll},
		{"WriteFileAtomic", (*suite).writeFileAtomic},
		{"Names", (*suite).names},
		{"ErrorsNameTheURL", (*suite).errorsNameTheURL},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys, dir := fresh(t)
			c.run(&suite{T: t, fsys: fsys, dir: dir})
		})
	}
}

// suite is one test's file system and folder.
type suite struct {
	*testing.T
	fsys vfs.FileSystem
	dir  string
}

// at returns a path below the test's folder.
func (s *suite) at(elem ...string) string { return path.Join(append([]string{s.dir}, elem...)...) }

// write makes a file.
func (s *suite) write(p string, data []byte) {
	s.Helper()
	w, err := s.fsys.Create(s.Context(), p)
	s.ok(err)
	for len(data) > 0 { // in uneven pieces
		n, err := w.Write(data[:min(len(data), 1+len(data)/3)])
		s.ok(err)
		data = data[n:]
	}
	s.ok(w.Close())
	s.ok(w.Abort()) // does nothing any more
}

func (s *suite) mustMkdir(p string) {
	s.Helper()
	s.ok(s.fsys.Mkdir(s.Context(), p))
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// is checks that err is want and not the fault of the surroundings.
func (s *suite) is(err, want error) {
	s.Helper()
	if !errors.Is(err, want) || vfs.IsUnavailable(err) {
		s.Errorf("got error %v, want %v", err, want)
	}
}

// holds checks a file's content.
func (s *suite) holds(p string, want []byte) {
	s.Helper()
	got, err := vfs.ReadFile(s.Context(), s.fsys, p)
	s.ok(err)
	if !bytes.Equal(got, want) {
		s.Errorf("%s holds %d bytes %.40q, want %d bytes %.40q", p, len(got), got, len(want), want)
	}
}

// gone checks that nothing is at p.
func (s *suite) gone(p string) {
	s.Helper()
	_, err := s.fsys.Stat(s.Context(), p)
	s.is(err, fs.ErrNotExist)
}

// pattern is n bytes that differ at every offset modulo a prime.
func pattern(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i*7 + i/251)
	}
	return data
}

func (s *suite) read() {
	data := pattern(300_001)
	s.write(s.at("f"), data)
	f, err := s.fsys.Open(s.Context(), s.at("f"))
	s.ok(err)
	if f.Size() != int64(len(data)) {
		s.Errorf("size %d, want %d", f.Size(), len(data))
	}
	s.ok(iotest.TestReader(readOnly{f}, data))
	if n, err := f.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // io.Reader's contract
		s.Errorf("read at the end: %d, %v", n, err)
	}
	buf := make([]byte, 1000)
	for _, off := range []int64{0, 299_001, 150_000, 1} {
		n, err := f.ReadAt(buf, off)
		if n != len(buf) || err != nil && err != io.EOF || !bytes.Equal(buf, data[off:off+int64(n)]) { //nolint:errorlint // io.ReaderAt's contract
			s.Errorf("ReadAt %d: %d bytes, %v, or they differ", off, n, err)
		}
	}
	if n, err := f.ReadAt(buf, int64(len(data))-10); n != 10 || err != io.EOF { //nolint:errorlint // as above
		s.Errorf("ReadAt across the end: %d, %v; want 10, EOF", n, err)
	}
	if n, err := f.ReadAt(buf, int64(len(data))+10); n != 0 || err != io.EOF { //nolint:errorlint // as above
		s.Errorf("ReadAt past the end: %d, %v; want 0, EOF", n, err)
	}
	if _, err := f.ReadAt(buf, -1); err == nil {
		s.Error("ReadAt before the beginning works")
	}
	s.ok(f.Close())
}

// readOnly hides ReadAt and Seek from iotest.
type readOnly struct{ io.Reader }

func (s *suite) readAtInParallel() {
	data := pattern(100_000)
	s.write(s.at("f"), data)
	f, err := s.fsys.Open(s.Context(), s.at("f"))
	s.ok(err)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			buf := make([]byte, 777)
			for i := range 10 {
				off := (g*31_000 + i*911) % (len(data) - len(buf))
				if _, err := f.ReadAt(buf, int64(off)); err != nil || !bytes.Equal(buf, data[off:off+len(buf)]) {
					s.Errorf("ReadAt %d: %v, or the bytes differ", off, err)
				}
			}
		})
	}
	wg.Wait()
	s.ok(f.Close())
}

func (s *suite) emptyFile() {
	s.write(s.at("empty"), nil)
	s.holds(s.at("empty"), nil)
	info, err := s.fsys.Stat(s.Context(), s.at("empty"))
	s.ok(err)
	if info.Size != 0 || info.IsDir {
		s.Errorf("got %+v", info)
	}
}

func (s *suite) openErrors() {
	s.mustMkdir(s.at("d"))
	_, err := s.fsys.Open(s.Context(), s.at("nothing"))
	s.is(err, fs.ErrNotExist)
	_, err = s.fsys.Open(s.Context(), s.at("no", "thing"))
	s.is(err, fs.ErrNotExist)
	_, err = s.fsys.Open(s.Context(), s.at("d"))
	s.is(err, vfs.ErrIsDir)
}

func (s *suite) createIsExclusive() {
	s.write(s.at("f"), []byte("first"))
	_, err := s.fsys.Create(s.Context(), s.at("f"))
	s.is(err, fs.ErrExist)
	s.holds(s.at("f"), []byte("first"))

	var mu sync.Mutex
	var won []vfs.Writer
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			w, err := s.fsys.Create(s.Context(), s.at("race"))
			if err != nil {
				s.is(err, fs.ErrExist)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			won = append(won, w)
		})
	}
	wg.Wait()
	if len(won) != 1 {
		s.Errorf("%d of 5 created the same file", len(won))
	}
	for _, w := range won {
		s.ok(w.Close())
	}
}

func (s *suite) createErrors() {
	s.mustMkdir(s.at("d"))
	s.write(s.at("f"), []byte("x"))
	_, err := s.fsys.Create(s.Context(), s.at("d"))
	s.is(err, fs.ErrExist)
	_, err = s.fsys.Create(s.Context(), s.at("no", "thing"))
	s.is(err, fs.ErrNotExist)
	_, err = s.fsys.Create(s.Context(), s.at("f", "below"))
	s.is(err, vfs.ErrNotDir)
}

func (s *suite) abort() {
	for _, size := range []int{0, 10, 200_000} {
		w, err := s.fsys.Create(s.Context(), s.at("f"))
		s.ok(err)
		_, err = w.Write(pattern(size))
		s.ok(err)
		s.ok(w.Abort())
		s.gone(s.at("f"))
		if err := w.Close(); err == nil {
			s.Error("Close after Abort succeeds")
		}
	}
	infos, err := s.fsys.List(s.Context(), s.dir)
	s.ok(err)
	if len(infos) != 0 {
		s.Errorf("left behind: %v", infos)
	}
	s.write(s.at("f"), []byte("again"))
	s.holds(s.at("f"), []byte("again"))
}

func (s *suite) afterClose() {
	w, err := s.fsys.Create(s.Context(), s.at("f"))
	s.ok(err)
	_, err = w.Write([]byte("abc"))
	s.ok(err)
	s.ok(w.Close())
	_, err = w.Write([]byte("d"))
	s.is(err, fs.ErrClosed)
	s.is(w.Close(), fs.ErrClosed)
	s.ok(w.Abort())
	s.holds(s.at("f"), []byte("abc"))

	f, err := s.fsys.Open(s.Context(), s.at("f"))
	s.ok(err)
	s.ok(f.Close())
	_, err = f.Read(make([]byte, 1))
	s.is(err, fs.ErrClosed)
	_, err = f.ReadAt(make([]byte, 1), 0)
	s.is(err, fs.ErrClosed)
}

func (s *suite) contextEnds() {
	s.write(s.at("f"), pattern(5000))
	ctx, cancel := context.WithCancel(s.Context())
	f, err := s.fsys.Open(ctx, s.at("f"))
	s.ok(err)
	w, err := s.fsys.Create(ctx, s.at("w"))
	s.ok(err)
	_, err = w.Write([]byte("part"))
	s.ok(err)
	cancel()

	_, err = f.Read(make([]byte, 10))
	s.is(err, context.Canceled)
	_, err = f.ReadAt(make([]byte, 10), 0)
	s.is(err, context.Canceled)
	s.ok(f.Close())
	_, err = w.Write([]byte("more"))
	s.is(err, context.Canceled)
	s.is(w.Close(), context.Canceled)
	s.ok(w.Abort())
	s.gone(s.at("w"))

	_, err = s.fsys.Open(ctx, s.at("f"))
	s.is(err, context.Canceled)
	_, err = s.fsys.Create(ctx, s.at("x"))
	s.is(err, context.Canceled)
	s.is(s.fsys.Rename(ctx, s.at("f"), s.at("g")), context.Canceled)
	s.is(s.fsys.Remove(ctx, s.at("f")), context.Canceled)
	s.holds(s.at("f"), pattern(5000))
}

func (s *suite) stat() {
	before := time.Now().Add(-time.Minute)
	s.write(s.at("f"), pattern(1234))
	s.mustMkdir(s.at("d"))
	info, err := s.fsys.Stat(s.Context(), s.at("f")+"/")
	if err == nil { // a trailing slash may be cleaned away
		s.describes(info, vfs.Info{Path: s.at("f"), Size: 1234}, before)
	}
	info, err = s.fsys.Stat(s.Context(), s.at("f"))
	s.ok(err)
	s.describes(info, vfs.Info{Path: s.at("f"), Size: 1234}, before)
	info, err = s.fsys.Stat(s.Context(), s.at("d"))
	s.ok(err)
	s.describes(info, vfs.Info{Path: s.at("d"), IsDir: true}, before)
	if info, err = s.fsys.Stat(s.Context(), "/"); err != nil || !info.IsDir || info.Path != "/" {
		s.Errorf("root: %+v, %v", info, err)
	}
	s.gone(s.at("nothing"))
}

// describes checks an Info; its time must lie between before and about now.
func (s *suite) describes(got, want vfs.Info, before time.Time) {
	s.Helper()
	if got.Path != want.Path || got.Size != want.Size || got.IsDir != want.IsDir {
		s.Errorf("got %+v, want %+v", got, want)
	}
	if got.ModTime.Before(before) || got.ModTime.After(time.Now().Add(time.Minute)) {
		s.Errorf("%s: time %v is not about now", got.Path, got.ModTime)
	}
}

func (s *suite) list() {
	if infos, err := s.fsys.List(s.Context(), s.dir); err != nil || len(infos) != 0 {
		s.Errorf("empty folder: %v, %v", infos, err)
	}
	s.write(s.at("b"), []byte("bb"))
	s.write(s.at("a-1"), nil)
	s.write(s.at(".hidden"), []byte("h"))
	s.mustMkdir(s.at("a", "deep"))
	s.write(s.at("a", "x"), nil)
	infos, err := s.fsys.List(s.Context(), s.dir)
	s.ok(err)
	var got []string
	for _, i := range infos {
		got = append(got, fmt.Sprintf("%s %d %v", strings.Trim(strings.TrimPrefix(i.Path, s.dir), "/"), i.Size, i.IsDir))
	}
	want := []string{".hidden 1 false", "a 0 true", "a-1 0 false", "b 2 false"}
	if !slices.Equal(got, want) {
		s.Errorf("got %q, want %q", got, want)
	}
	_, err = s.fsys.List(s.Context(), s.at("nothing"))
	s.is(err, fs.ErrNotExist)
	_, err = s.fsys.List(s.Context(), s.at("b"))
	s.is(err, vfs.ErrNotDir)
}

func (s *suite) mkdir() {
	s.mustMkdir(s.at("x", "y", "z"))
	s.mustMkdir(s.at("x", "y"))
	s.write(s.at("x", "y", "z", "f"), []byte("f"))
	s.is(s.fsys.Mkdir(s.Context(), s.at("x", "y", "z", "f")), vfs.ErrNotDir)
	s.is(s.fsys.Mkdir(s.Context(), s.at("x", "y", "z", "f", "g")), vfs.ErrNotDir)
	s.holds(s.at("x", "y", "z", "f"), []byte("f"))
}

func (s *suite) renameFile() {
	s.write(s.at("f"), []byte("new"))
	s.mustMkdir(s.at("d"))
	s.ok(s.fsys.Rename(s.Context(), s.at("f"), s.at("d", "g")))
	s.gone(s.at("f"))
	s.holds(s.at("d", "g"), []byte("new"))

	s.write(s.at("old"), []byte("old"))
	s.ok(s.fsys.Rename(s.Context(), s.at("d", "g"), s.at("old")))
	s.holds(s.at("old"), []byte("new"))
	s.gone(s.at("d", "g"))

	s.ok(s.fsys.Rename(s.Context(), s.at("old"), s.at("old")))
	s.holds(s.at("old"), []byte("new"))
}

func (s *suite) renameFolder() {
	s.mustMkdir(s.at("d", "e"))
	s.write(s.at("d", "e", "f"), []byte("f"))
	s.ok(s.fsys.Rename(s.Context(), s.at("d"), s.at("moved")))
	s.gone(s.at("d"))
	s.holds(s.at("moved", "e", "f"), []byte("f"))

	s.mustMkdir(s.at("empty"))
	s.ok(s.fsys.Rename(s.Context(), s.at("moved"), s.at("empty")))
	s.holds(s.at("empty", "e", "f"), []byte("f"))
	s.gone(s.at("moved"))

	s.mustMkdir(s.at("full", "x"))
	s.is(s.fsys.Rename(s.Context(), s.at("empty"), s.at("full")), vfs.ErrNotEmpty)
	s.holds(s.at("empty", "e", "f"), []byte("f"))
}

func (s *suite) renameErrors() {
	ctx := s.Context()
	s.write(s.at("f"), []byte("f"))
	s.mustMkdir(s.at("d", "e"))
	s.is(s.fsys.Rename(ctx, s.at("nothing"), s.at("x")), fs.ErrNotExist)
	s.is(s.fsys.Rename(ctx, s.at("f"), s.at("no", "thing")), fs.ErrNotExist)
	s.is(s.fsys.Rename(ctx, s.at("f"), s.at("d")), vfs.ErrIsDir)
	s.is(s.fsys.Rename(ctx, s.at("d"), s.at("f")), vfs.ErrNotDir)
	s.is(s.fsys.Rename(ctx, s.at("d"), s.at("f", "x")), vfs.ErrNotDir)
	if err := s.fsys.Rename(ctx, s.at("d"), s.at("d", "e", "f")); err == nil {
		s.Error("a folder was renamed into itself")
	}
	s.holds(s.at("f"), []byte("f"))
}

func (s *suite) remove() {
	ctx := s.Context()
	s.write(s.at("d", "..", "f"), nil)
	s.mustMkdir(s.at("d", "e"))
	s.is(s.fsys.Remove(ctx, s.at("d")), vfs.ErrNotEmpty)
	s.ok(s.fsys.Remove(ctx, s.at("d", "e")))
	s.ok(s.fsys.Remove(ctx, s.at("d")))
	s.ok(s.fsys.Remove(ctx, s.at("f")))
	s.gone(s.at("d"))
	s.gone(s.at("f"))
	s.is(s.fsys.Remove(ctx, s.at("f")), fs.ErrNotExist)
}

func (s *suite) removeAll() {
	ctx := s.Context()
	s.mustMkdir(s.at("d", "e"))
	s.write(s.at("d", "e", "f"), pattern(10))
	s.write(s.at("other"), nil)
	s.ok(s.fsys.RemoveAll(ctx, s.at("d")))
	s.gone(s.at("d"))
	s.ok(s.fsys.RemoveAll(ctx, s.at("d")))
	s.ok(s.fsys.RemoveAll(ctx, s.at("no", "thing")))
	if err := s.fsys.RemoveAll(ctx, "/"); err == nil {
		s.Error("the root was removed")
	}
	s.holds(s.at("other"), nil)
}

func (s *suite) writeFileAtomic() {
	ctx := s.Context()
	s.ok(vfs.WriteFileAtomic(ctx, s.fsys, s.at("m"), []byte("one")))
	s.ok(vfs.WriteFileAtomic(ctx, s.fsys, s.at("m"), []byte("two")))
	s.holds(s.at("m"), []byte("two"))
	infos, err := s.fsys.List(ctx, s.dir)
	s.ok(err)
	if len(infos) != 1 {
		s.Errorf("temporary files left: %v", infos)
	}
	s.is(vfs.WriteFileAtomic(ctx, s.fsys, s.at("no", "m"), nil), fs.ErrNotExist)
}

func (s *suite) names() {
	names := []string{"with space", "ünïcode-日本", "per%20cent", "q?mark", "[br]acket", "a=1,b=2", "plus+&#"}
	for _, name := range names {
		s.write(s.at(name), []byte(name))
	}
	infos, err := s.fsys.List(s.Context(), s.dir)
	s.ok(err)
	if len(infos) != len(names) {
		s.Errorf("%d files, want %d", len(infos), len(names))
	}
	for _, i := range infos {
		s.holds(i.Path, []byte(i.Name()))
		if _, _, p := vfs.Split(s.fsys.URL(i.Path)); p != i.Path {
			s.Errorf("URL %q leads to %q, not back to %q", s.fsys.URL(i.Path), p, i.Path)
		}
	}
}

func (s *suite) errorsNameTheURL() {
	ctx, missing := s.Context(), s.at("missing")
	_, open := s.fsys.Open(ctx, missing)
	_, stat := s.fsys.Stat(ctx, missing)
	_, list := s.fsys.List(ctx, missing)
	for op, err := range map[string]error{
		"open": open, "stat": stat, "list": list,
		"remove": s.fsys.Remove(ctx, missing), "rename": s.fsys.Rename(ctx, missing, s.at("x")),
	} {
		var p *fs.PathError
		if !errors.As(err, &p) || p.Path != s.fsys.URL(missing) {
			s.Errorf("%s: error %v does not name %s", op, err, s.fsys.URL(missing))
		}
	}
}
