package file_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/formats/text"
)

func lines(t testing.TB, d disk, path string) *engine {
	t.Helper()
	return &engine{t: t, env: env(d.files(), "r1"), src: file.Source[string]{Path: path, Format: text.Lines{}}}
}

func TestPaths(t *testing.T) {
	d := newDisk(t)
	d.put("/in/b.txt", "b\n")
	d.put("/in/a.txt", "a1\na2\n")
	d.put("/in/sub/c.txt", "c\n")
	d.put("/in/empty.txt", "")
	d.put("/in/_SUCCESS", "hidden\n")
	d.put("/in/.x", "hidden\n")
	d.put("/in/_temporary/x.txt", "hidden\n")
	d.put("/other/[x].txt", "x\n")
	tests := []struct {
		path string
		flat bool
		want []string
	}{
		{path: "mem://t/in", want: []string{"a1", "a2", "b", "c"}},
		{path: "mem://t/in/", flat: true, want: []string{"a1", "a2", "b"}},
		{path: "mem://t/in/a.txt", want: []string{"a1", "a2"}},
		{path: "mem://t/in/*.txt", want: []string{"a1", "a2", "b"}},
		{path: "mem://t/in/{a,b}.txt, mem://t/in/sub", want: []string{"a1", "a2", "b", "c"}},
		{path: "mem://t/in/a.txt,mem://t/in", want: []string{"a1", "a2", "b", "c"}},
		{path: "mem://t/other/[x].txt", want: []string{"x"}},
		{path: "mem://t/in/empty.txt", want: nil},
		{path: "mem://t/in/_SUCCESS", want: []string{"hidden"}},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			e := lines(t, d, tt.path)
			e.src = file.Source[string]{Path: tt.path, Format: text.Lines{}, Flat: tt.flat}
			got, err := e.read(false)
			if err != nil {
				t.Fatal(err)
			}
			if texts := texts(got, "value"); !slices.Equal(texts, tt.want) {
				t.Errorf("got %q, want %q", texts, tt.want)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	d := newDisk(t)
	d.put("/in/b.txt", "b\n")
	for _, path := range []string{"mem://t/nothing", "mem://t/in/*.csv", "mem://t/in/b.txt,mem://t/in/c.txt"} {
		_, err := lines(t, d, path).read(false)
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "mem://t/") {
			t.Errorf("%s: got %v", path, err)
		}
	}
	if err := (file.Source[string]{}).Validate(); err == nil {
		t.Error("an empty source is valid")
	}
}

func TestSmallFilesShareSplits(t *testing.T) {
	d := newDisk(t)
	var want []string
	for i := range 200 {
		d.put(fmt.Sprintf("/in/%03d.txt", i), fmt.Sprintf("line %03d\n", i))
		want = append(want, fmt.Sprintf("line %03d", i))
	}
	e := lines(t, d, "mem://t/in")
	got, err := e.read(false)
	if err != nil || !slices.Equal(texts(got, "value"), want) {
		t.Fatalf("got %q, %v", texts(got, "value"), err)
	}
	if e.known.Splits > 100 {
		t.Errorf("%d splits for %d small files", e.known.Splits, len(want))
	}
}

// Files that the settings have room for are not cut, however many tasks there are; each is a split where they are large, and the planner knows.
func TestWholeFiles(t *testing.T) {
	d := newDisk(t)
	for _, name := range []string{"a", "b", "c"} {
		d.put("/in/"+name+".txt", strings.Repeat(strings.Repeat(name, 99)+"\n", 120_000))
	}
	e := lines(t, d, "mem://t/in")
	e.src = file.Source[string]{Path: "mem://t/in", Format: text.Lines{}, SplitBytes: 1 << 62}
	e.tasks = 7
	if _, err := e.read(false); err != nil {
		t.Fatal(err)
	}
	if e.known.Splits != 3 {
		t.Errorf("three files are %d splits", e.known.Splits)
	}
	facts, err := e.src.Discover(t.Context(), e.env)
	if err != nil || facts.Splits != 1 { // 36 MB are not much
		t.Errorf("%d splits are expected (error %v)", facts.Splits, err)
	}
}

func TestAnySplitAnyTasks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDisk(t)
		var want []string
		for i := range rapid.IntRange(1, 4).Draw(rt, "files") {
			lines := rapid.SliceOf(rapid.StringMatching(`[a-z]{0,9}`)).Draw(rt, "lines")
			d.put(fmt.Sprintf("/in/%d.txt", i), strings.Join(lines, "\n"))
			if last := len(lines) - 1; last >= 0 && lines[last] == "" {
				lines = lines[:last]
			}
			want = append(want, lines...)
		}
		e := lines(t, d, "mem://t/in")
		e.src = file.Source[string]{Path: "mem://t/in", Format: text.Lines{}, SplitBytes: rapid.Int64Range(1, 40).Draw(rt, "split")}
		e.scan.Rows = rapid.IntRange(1, 5).Draw(rt, "rows")
		e.tasks = rapid.IntRange(1, 3).Draw(rt, "tasks")
		got, err := e.read(rapid.Bool().Draw(rt, "restart"))
		if err != nil {
			rt.Fatal(err)
		}
		if got := texts(got, "value"); !slices.Equal(sorted(got), sorted(want)) {
			rt.Fatalf("got %q, want %q", got, want)
		}
	})
}

func TestFileShrinks(t *testing.T) {
	d := newDisk(t)
	d.put("/in/a.txt", strings.Repeat("line\n", 100))
	src := file.Source[string]{Path: "mem://t/in", Format: text.Lines{}}
	facts, err := src.Discover(t.Context(), env(d.files(), "r1"))
	if err != nil || facts.Bytes != 500 {
		t.Fatal(facts, err)
	}
	d.put("/in/a.txt", "line\n")
	e := &engine{t: t, env: env(d.files(), "r1"), src: known{src, facts}}
	if _, err := e.read(false); err == nil || !strings.Contains(err.Error(), "mem://t/in/a.txt") {
		t.Fatalf("got %v", err)
	}
}
