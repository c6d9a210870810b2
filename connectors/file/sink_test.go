package file_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
)

// keyed are lines with columns that become folders.
var keyed = columnar.NewSchema(
	columnar.Field{Name: "value", Type: columnar.StringType},
	columnar.Field{Name: "day", Type: columnar.DateType, Nullable: true},
	columnar.Field{Name: "kind", Type: columnar.StringType, Nullable: true},
)

type row struct {
	value string
	day   int32 // negative: null
	kind  string
}

func batchOf(rows ...row) columnar.Batch {
	b := columnar.NewBatchBuilder(keyed, len(rows))
	for _, r := range rows {
		b.Column(0).AppendString(r.value)
		if r.day < 0 {
			b.Column(1).AppendNulls(1)
		} else {
			columnar.AppendFixed(b.Column(1), r.day)
		}
		b.Column(2).AppendString(r.kind)
	}
	b.Added(len(rows))
	return b.Finish()
}

func valuesOf(values ...string) columnar.Batch {
	b := columnar.NewBatchBuilder(columnar.NewSchema(keyed.Fields[0]), len(values))
	for _, v := range values {
		b.Column(0).AppendString(v)
	}
	b.Added(len(values))
	return b.Finish()
}

// write runs a job that writes one batch a task.
func write(t testing.TB, s connectors.Sink, e connectors.Env, tasks ...columnar.Batch) (connectors.Published, error) {
	t.Helper()
	if err := s.Begin(t.Context(), e); err != nil {
		return connectors.Published{}, err
	}
	c, err := s.NewCommitter(e)
	if err != nil {
		return connectors.Published{}, err
	}
	all, err := prepare(t, s, e, tasks...)
	if err != nil {
		return connectors.Published{}, errors.Join(err, c.Abort(t.Context()))
	}
	return c.Commit(t.Context(), all, true)
}

// prepare writes one batch a task.
func prepare(t testing.TB, s connectors.Sink, e connectors.Env, tasks ...columnar.Batch) ([]connectors.Committable, error) {
	t.Helper()
	var all []connectors.Committable
	for i, b := range tasks {
		done, err := prepareTask(t, s, connectors.TaskEnv{Env: e, Task: i, Tasks: len(tasks)}, b)
		if err != nil {
			return nil, err
		}
		all = append(all, done...)
	}
	return all, nil
}

// prepareTask is one task's attempt.
func prepareTask(t testing.TB, s connectors.Sink, e connectors.TaskEnv, b columnar.Batch) ([]connectors.Committable, error) {
	t.Helper()
	w, err := s.NewWriter(t.Context(), e, b.Schema)
	if err != nil {
		return nil, err
	}
	var done []connectors.Committable
	if err = w.Write(t.Context(), b); err == nil {
		done, err = w.Prepare(t.Context())
	}
	return done, errors.Join(err, w.Close())
}

func sink(mode file.Mode) file.Sink[string] {
	return file.Sink[string]{Path: "mem://t/out", Format: text.Lines{}, Mode: mode}
}

func TestWrite(t *testing.T) {
	d := newDisk(t)
	got, err := write(t, sink(""), env(d.files(), "r1"), valuesOf("a", "b"), valuesOf("c"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (connectors.Published{Files: 2, Rows: 3, Bytes: 6}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	want := map[string]string{"part-00000-0000-r1.txt": "a\nb\n", "part-00001-0000-r1.txt": "c\n"}
	if diff := cmp.Diff(want, d.visible()); diff != "" {
		t.Error(diff)
	}
	if got, want := d.get("/out/_SUCCESS"), `{"run":"r1","files":2,"rows":3,"bytes":6}`+"\n"; got != want {
		t.Errorf("_SUCCESS is %s, want %s", got, want)
	}
	if left := d.hidden(); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

func TestModes(t *testing.T) {
	d := newDisk(t)
	d.put("/out/old.txt", "old\n")
	d.put("/out/sub/old.txt", "old\n")
	_, err := write(t, sink(""), env(d.files(), "r1"), valuesOf("new"))
	if !errors.Is(err, file.ErrTargetExists) || !strings.Contains(err.Error(), "mem://t/out") {
		t.Fatalf("got %v", err)
	}
	if _, err = write(t, sink(file.Append), env(d.files(), "r2"), valuesOf("more")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"old.txt": "old\n", "sub/old.txt": "old\n", "part-00000-0000-r2.txt": "more\n"}
	if diff := cmp.Diff(want, d.visible()); diff != "" {
		t.Error(diff)
	}
	if _, err = write(t, sink(file.Overwrite), env(d.files(), "r3"), valuesOf("new")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"part-00000-0000-r3.txt": "new\n"}, d.visible()); diff != "" {
		t.Error(diff)
	}
	if d.exists("/out/sub") {
		t.Error("an empty folder is left")
	}
}

func TestPartitions(t *testing.T) {
	d := newDisk(t)
	s := file.Sink[string]{Path: "mem://t/out", Format: text.Lines{}, PartitionBy: []string{"day", "kind"}, MaxOpen: 2}
	got, err := write(t, s, env(d.files(), "r1"),
		batchOf(row{"a", 0, "x"}, row{"b", 1, "x"}, row{"c", 0, "x"}, row{"d", -1, "x/y=%"}, row{"e", 0, "x"}, row{"f", 0, ""}))
	if err != nil || got.Partitions != 4 || got.Rows != 6 {
		t.Fatalf("%+v, %v", got, err)
	}
	want := map[string]string{
		"day=1970-01-01/kind=x/part-00000-0000-r1.txt":                           "a\nc\ne\n",
		"day=1970-01-02/kind=x/part-00000-0001-r1.txt":                           "b\n",
		"day=__HIVE_DEFAULT_PARTITION__/kind=x%2Fy%3D%25/part-00000-0002-r1.txt": "d\n",
		"day=1970-01-01/kind=/part-00000-0003-r1.txt":                            "f\n",
	}
	if diff := cmp.Diff(want, d.visible()); diff != "" {
		t.Error(diff)
	}
	e := &engine{t: t, env: env(d.files(), "r2"), src: file.Source[string]{Path: "mem://t/out", Format: text.Lines{}}}
	e.scan.Columns = columnar.NewSchema(keyed.Fields[2], keyed.Fields[0], keyed.Fields[1])
	batches, err := e.read(false)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, b := range batches {
		for i := range b.Rows() {
			day := "null"
			if c := b.Column("day"); !c.IsNull(i) {
				day = fmt.Sprint(columnar.Values[int32](*c)[i])
			}
			rows = append(rows, b.Column("value").Text(i)+" "+day+" "+b.Column("kind").Text(i))
		}
	}
	if want := []string{"a 0 x", "b 1 x", "c 0 x", "d null x/y=%", "e 0 x", "f 0 "}; !slices.Equal(sorted(rows), want) {
		t.Errorf("read back %q, want %q", rows, want)
	}
	s.Mode = file.OverwritePartitions
	if _, err := write(t, s, env(d.files(), "r3"), batchOf(row{"new", 0, "x"})); err != nil {
		t.Fatal(err)
	}
	delete(want, "day=1970-01-01/kind=x/part-00000-0000-r1.txt")
	want["day=1970-01-01/kind=x/part-00000-0000-r3.txt"] = "new\n"
	if diff := cmp.Diff(want, d.visible()); diff != "" {
		t.Error(diff)
	}
}

func TestTargetSize(t *testing.T) {
	d := newDisk(t)
	s := sink("")
	s.TargetSize = 10
	e := env(d.files(), "r1")
	w, err := s.NewWriter(t.Context(), connectors.TaskEnv{Env: e}, valuesOf().Schema)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := w.Write(t.Context(), valuesOf("1234")); err != nil {
			t.Fatal(err)
		}
	}
	all, err := w.Prepare(t.Context())
	if err != nil || all[0].Files != 5 || all[0].Bytes != 50 {
		t.Fatalf("%+v, %v", all, err)
	}
}

func TestOnlyTheWinnerIsPublished(t *testing.T) {
	d := newDisk(t)
	s, e := sink(""), env(d.files(), "r1")
	lost, err := prepare(t, s, e, valuesOf("lost"))
	if err != nil || len(lost) != 1 {
		t.Fatal(err)
	}
	won, err := prepare(t, s, e, valuesOf("won"))
	if err != nil {
		t.Fatal(err)
	}
	c, _ := s.NewCommitter(e)
	for range 2 { // a repeated commit adds nothing
		if _, err := c.Commit(t.Context(), won, true); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"part-00000-0000-r1.txt": "won\n"}, d.visible()); diff != "" {
			t.Error(diff)
		}
	}
	if left := d.hidden(); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

func TestUnpreparedIsRemoved(t *testing.T) {
	d := newDisk(t)
	s, e := sink(""), env(d.files(), "r1")
	w, err := s.NewWriter(t.Context(), connectors.TaskEnv{Env: e}, valuesOf().Schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), valuesOf("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if u, err := vfs.DiskUsage(t.Context(), d, "/out"); err != nil || u.Files != 0 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestFullDisk(t *testing.T) {
	d := newDisk(t)
	d.put("/out/old.txt", "old\n")
	full := resolver(errfs.New(d.FileSystem, errfs.Options{Capacity: 100}))
	_, err := write(t, sink(file.Overwrite), env(full, "r1"), valuesOf(strings.Repeat("x", 1000)))
	if !errors.Is(err, syscall.ENOSPC) || !vfs.IsUnavailable(err) || !strings.Contains(err.Error(), "part-00000-0000-r1.txt") {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(map[string]string{"old.txt": "old\n"}, d.visible()); diff != "" {
		t.Error(diff)
	}
	if left := d.hidden(); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// TestCrash fails each single call of a publishing, before and after its effect. Until somebody repairs it the target may be in between;
// a repeated commit makes it new, and the next run that begins makes it old or new.
func TestCrash(t *testing.T) {
	old := map[string]string{"day=1970-01-01/kind=a/old.txt": "old\n", "day=1970-01-03/kind=a/old.txt": "old\n", "top.txt": "old\n"}
	part := func(day, task int) string {
		return fmt.Sprintf("day=1970-01-0%d/kind=a/part-0000%d-0000-r1.txt", day, task)
	}
	added := map[string]string{part(1, 0): "x\n", part(2, 1): "y\n"}
	tests := map[file.Mode][]string{ // the old files that stay
		file.Append:              {"day=1970-01-01/kind=a/old.txt", "day=1970-01-03/kind=a/old.txt", "top.txt"},
		file.Overwrite:           nil,
		file.OverwritePartitions: {"day=1970-01-03/kind=a/old.txt", "top.txt"},
	}
	for mode, stay := range tests {
		want := maps.Clone(added)
		for _, name := range stay {
			want[name] = old[name]
		}
		for _, late := range []bool{false, true} {
			for _, again := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/late=%v/again=%v", mode, late, again), func(t *testing.T) {
					for nth := 1; ; nth++ {
						if !crash(t, mode, nth, late, again, old, want) {
							if nth < 10 {
								t.Fatalf("only %d calls", nth)
							}
							return
						}
					}
				})
			}
		}
	}
}

// crash fails the nth call of a commit, and all that follow, and checks the target after a repair; false when there are fewer calls.
func crash(t *testing.T, mode file.Mode, nth int, late, again bool, old, want map[string]string) bool {
	t.Helper()
	d := newDisk(t)
	for name, data := range old {
		d.put("/out/"+name, data)
	}
	s := file.Sink[string]{Path: "mem://t/out", Format: text.Lines{}, Mode: mode, PartitionBy: []string{"day", "kind"}}
	e := env(d.files(), "r1")
	if err := s.Begin(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	all, err := prepare(t, s, e, batchOf(row{"x", 0, "a"}), batchOf(row{"y", 1, "a"}))
	if err != nil {
		t.Fatal(err)
	}
	dead := newDying(d.FileSystem, nth, late)
	c, _ := s.NewCommitter(env(resolver(dead), "r1"))
	if _, err := c.Commit(t.Context(), all, true); err == nil {
		if diff := cmp.Diff(want, d.visible()); diff != "" {
			t.Fatal(diff)
		}
		return false
	}
	if again {
		c, _ = s.NewCommitter(e)
		if _, err := c.Commit(t.Context(), all, true); err != nil {
			t.Fatalf("call %d: committing again: %v", nth, err)
		}
		if diff := cmp.Diff(want, d.visible()); diff != "" {
			t.Fatalf("call %d: %s", nth, diff)
		}
		if left := d.hidden(); left != nil {
			t.Errorf("call %d: left behind: %q", nth, left)
		}
		return true
	}
	if err := s.Begin(t.Context(), env(d.files(), "r2")); err != nil {
		t.Fatalf("call %d: the next run: %v", nth, err)
	}
	got := d.visible()
	if !maps.Equal(got, old) && !maps.Equal(got, want) {
		t.Fatalf("call %d: neither old nor new: %v", nth, got)
	}
	if maps.Equal(got, want) && (!d.exists("/out/_SUCCESS") || d.hidden() != nil) {
		t.Errorf("call %d: published without _SUCCESS, or with something left behind: %q", nth, d.hidden())
	}
	return true
}

// TestSeveralCommits publishes as a stream does: a commit a checkpoint, of which only the first replaces.
func TestSeveralCommits(t *testing.T) {
	d := newDisk(t)
	d.put("/out/old.txt", "old\n")
	s, e := sink(file.Overwrite), env(d.files(), "r1")
	w, err := s.NewWriter(t.Context(), connectors.TaskEnv{Env: e}, valuesOf().Schema)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i := range 3 {
		if err := w.Write(t.Context(), valuesOf(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		all, err := w.Prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.NewCommitter(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Commit(t.Context(), all, i == 2); err != nil {
			t.Fatal(err)
		}
		want[fmt.Sprintf("part-00000-%04d-r1.txt", i)] = fmt.Sprintln(i)
		if diff := cmp.Diff(want, d.visible()); diff != "" {
			t.Fatal(diff)
		}
		if d.exists("/out/_SUCCESS") != (i == 2) {
			t.Errorf("commit %d: _SUCCESS", i)
		}
	}
	if left := d.hidden(); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

func TestAbort(t *testing.T) {
	d := newDisk(t)
	d.put("/out/old.txt", "old\n")
	s, e := sink(file.Overwrite), env(d.files(), "r1")
	if _, err := prepare(t, s, e, valuesOf("x")); err != nil {
		t.Fatal(err)
	}
	c, _ := s.NewCommitter(e)
	if err := c.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if u, err := vfs.DiskUsage(t.Context(), d, "/out"); err != nil || u.Files != 1 || d.hidden() != nil {
		t.Errorf("%+v, %q, %v", u, d.hidden(), err)
	}
}

func TestTargetIsAFile(t *testing.T) {
	d := newDisk(t)
	d.put("/out", "a file")
	if err := sink(file.Append).Begin(t.Context(), env(d.files(), "r1")); !errors.Is(err, vfs.ErrNotDir) || !strings.Contains(err.Error(), "mem://t/out") {
		t.Errorf("got %v", err)
	}
}

// TestErrorModeLooksAgain refuses to publish beside data that came while the job ran.
func TestErrorModeLooksAgain(t *testing.T) {
	d := newDisk(t)
	s, e := sink(""), env(d.files(), "r1")
	all, err := prepare(t, s, e, valuesOf("x"))
	if err != nil {
		t.Fatal(err)
	}
	d.put("/out/other.txt", "other\n")
	c, _ := s.NewCommitter(e)
	if _, err := c.Commit(t.Context(), all, true); !errors.Is(err, file.ErrTargetExists) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(map[string]string{"other.txt": "other\n"}, d.visible()); diff != "" {
		t.Error(diff)
	}
}

func TestValidateSink(t *testing.T) {
	for _, s := range []file.Sink[string]{
		{},
		{Path: "x"},
		{Path: "x", Format: text.Lines{}, Mode: "other"},
		{Path: "x", Format: text.Lines{}, Mode: file.OverwritePartitions},
		{Path: "x", Format: text.Lines{}, PartitionBy: []string{"value"}},
		{Path: "x", Format: text.Lines{}, PartitionBy: []string{"nothing"}},
		{Path: "x", Format: text.Lines{}, Files: -1},
		{Path: "x", Format: text.Lines{Codec: "zip"}},
	} {
		if s.Validate() == nil {
			t.Errorf("%+v passes", s)
		}
	}
	var m file.Mode
	if err := m.Set("append"); err != nil || m != file.Append || sink(m).Validate() != nil {
		t.Error(m, err)
	}
}

// TestRetriesUnderFaults fails calls at random; attempts are repeated as the engine does. In the end the target holds each row once.
func TestRetriesUnderFaults(t *testing.T) {
	for seed := range uint64(60) {
		d := newDisk(t)
		d.put("/out/day=1970-01-01/kind=a/old.txt", "old\n")
		faulty := errfs.New(d.FileSystem, errfs.Options{Seed: seed, Rate: 0.05})
		s := file.Sink[string]{
			Path: "mem://t/out", Format: text.Lines{}, Mode: file.Overwrite, PartitionBy: []string{"day", "kind"}, MaxOpen: 2, TargetSize: 6,
		}
		e := env(resolver(faulty), "r1")
		again := func(what string, try func() error) {
			t.Helper()
			for n := 0; ; n++ {
				err := try()
				if err == nil {
					return
				}
				if !vfs.IsUnavailable(err) || n == 1000 {
					t.Fatalf("seed %d: %s: %v", seed, what, err)
				}
			}
		}
		again("begin", func() error { return s.Begin(t.Context(), e) })
		var all []connectors.Committable
		for task := range 3 {
			again("write", func() error {
				done, err := prepareTask(t, s, connectors.TaskEnv{Env: e, Task: task, Tasks: 3}, taskRows(task))
				if err == nil {
					all = append(all, done...)
				}
				return err
			})
		}
		again("commit", func() error {
			c, err := s.NewCommitter(e)
			if err == nil {
				_, err = c.Commit(t.Context(), all, true)
			}
			return err
		})
		var got []string
		for _, data := range d.visible() {
			got = append(got, strings.Fields(data)...)
		}
		var want []string
		for task := range 3 {
			for i := range 7 {
				want = append(want, fmt.Sprintf("%d.%d", task, i))
			}
		}
		if diff := cmp.Diff(want, sorted(got)); diff != "" || d.hidden() != nil {
			t.Fatalf("seed %d: left behind %q; %s", seed, d.hidden(), diff)
		}
	}
}

// taskRows are rows of one task in several folders.
func taskRows(task int) columnar.Batch {
	var rows []row
	for i := range 7 {
		rows = append(rows, row{fmt.Sprintf("%d.%d", task, i), int32(i % 3), "a"})
	}
	return batchOf(rows...)
}
