//go:build integration

package file_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/testkit/hadoop"
	"github.com/millrace/millrace/vfs"
)

// TestStreamOnHDFS writes Parquet through checkpoints and crashes to a real HDFS, where a watched folder is read meanwhile.
func TestStreamOnHDFS(t *testing.T) {
	c := hadoop.Start(t, hadoop.Options{})
	c.Setenv(t)
	files := vfs.NewResolver(map[string]vfs.Opener{"hdfs": hdfs.Options{}.Open})
	t.Cleanup(func() { _ = files.Close() })
	out := "hdfs://" + c.NameNode + "/out"
	s := file.Sink[string]{Path: out, Format: parquet.Format[string]{}, Rolling: file.Rolling{Size: 1 << 20, Every: time.Hour, Idle: time.Hour}}
	env := func(run int) connectors.TaskEnv {
		e := connectors.Env{Files: files, RunID: fmt.Sprint("r", run), Job: "test", UID: "out", IsStreaming: true}
		return connectors.TaskEnv{Env: e, Tasks: 1}
	}
	var state []byte
	var want []string
	for run := range 3 {
		e := env(run)
		fail(t, s.Begin(t.Context(), e.Env))
		w, err := s.NewWriter(t.Context(), e, columnar.NewSchema(keyed.Fields[0]))
		fail(t, err)
		fail(t, w.(connectors.Stater).Restore(t.Context(), [][]byte{state}))
		for i := range 3 {
			v := fmt.Sprint(run, "-", i)
			want = append(want, v)
			fail(t, w.Write(t.Context(), valuesOf(v)))
			_, err := w.Prepare(t.Context())
			fail(t, err)
		}
		state, err = w.(connectors.Stater).State(t.Context())
		fail(t, err)
		if run < 2 {
			fail(t, w.Write(t.Context(), valuesOf("lost")))
		} else {
			last, err := w.(connectors.Ender).End(t.Context())
			fail(t, err)
			committer, err := s.NewCommitter(e.Env)
			fail(t, err)
			for range 2 { // as after a crash
				p, err := committer.Commit(t.Context(), last, true)
				fail(t, err)
				if p.Files != 1 || p.Rows != 9 {
					t.Errorf("published %+v", p)
				}
			}
		}
		fail(t, w.Close())
	}
	e := &engine{t: t, env: env(9).Env, src: file.Source[string]{Path: out, Format: parquet.Format[string]{}}}
	batches, err := e.read(false)
	fail(t, err)
	if got := texts(batches, "value"); !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("got %q", got)
	}

	fsys, err := hdfs.Options{}.Open(t.Context(), c.NameNode)
	fail(t, err)
	defer fsys.Close()
	d := disk{fsys, t}
	m := file.Sink[string]{Path: "hdfs://" + c.NameNode + "/marked", Format: text.Lines{}, Buckets: file.Buckets{Layout: "dt=2006-01-02", Mark: true}}
	w2, err := m.NewWriter(t.Context(), env(0), columnar.NewSchema(keyed.Fields[0]))
	fail(t, err)
	committer, err := m.NewCommitter(env(0).Env)
	fail(t, err)
	day := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	for i := range 3 { // the last rows are late
		b := valuesOf(fmt.Sprint(i))
		b.Time = []int64{day.UnixMicro()}
		fail(t, w2.Write(t.Context(), b))
		if i > 0 {
			advance(w2, day.AddDate(0, 0, 1))
		}
		list, err := w2.Prepare(t.Context())
		fail(t, err)
		for range 2 {
			_, err = committer.Commit(t.Context(), list, false)
			fail(t, err)
		}
		_, err = fsys.Stat(t.Context(), "/marked/dt=2026-03-04/_SUCCESS")
		if isMarked := err == nil; isMarked != (i > 0) {
			t.Errorf("checkpoint %d: marked %t, %v", i, isMarked, err)
		}
	}
	fail(t, w2.Close())
	fail(t, committer.(connectors.Leaver).Leave(t.Context()))
	if _, err := fsys.Stat(t.Context(), "/marked/_temporary"); !isNotExist(err) {
		t.Errorf("folders are left behind: %v", err)
	}

	watched := file.Source[string]{Path: "hdfs://" + c.NameNode + "/in", Format: text.Lines{}, Watch: time.Minute}
	w := newWatch(t, d, watched)
	w.step(connectors.Started{Tasks: 1})
	d.put("/in/a.txt", "1\n2\n3\n")
	d.put("/in/b.txt._COPYING_", "growing\n")
	w.again()
	expect(t, w.lines(1), "1", "2")
	w = w.restored(d, watched)
	fail(t, fsys.Rename(t.Context(), "/in/b.txt._COPYING_", "/in/b.txt"))
	expect(t, w.lines(9), "3")
	w.again()
	expect(t, w.lines(9), "growing")
}

func fail(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
