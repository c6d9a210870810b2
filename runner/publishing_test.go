package runner_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/coordinator"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
	"github.com/millrace/millrace/vfs/mem"
)

var errLink = errors.New("the link is down")

// stores are two file systems, "one" and "two", whose renames fail from the nth on; 0: none does.
type stores struct{ one, two *mem.FS }

func (s stores) files(one, two int) *vfs.Resolver {
	return vfs.NewResolver(map[string]vfs.Opener{"one": failing(s.one, one), "two": failing(s.two, two)})
}

func failing(fsys vfs.FileSystem, from int) vfs.Opener {
	var o errfs.Options
	for n := from; from > 0 && n < from+200; n++ {
		o.Faults = append(o.Faults, errfs.Fault{Op: errfs.Rename, Nth: n, Err: errLink})
	}
	return func(context.Context, string) (vfs.FileSystem, error) { return errfs.New(fsys, o), nil }
}

// published returns the lines of the files that are visible in a folder, and whether it has a _SUCCESS.
func published(t *testing.T, fsys vfs.FileSystem) (lines []string, success bool) {
	t.Helper()
	infos, err := fsys.List(t.Context(), "/out")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		success = success || info.Name() == "_SUCCESS"
		if !strings.HasPrefix(info.Name(), "part-") {
			continue
		}
		data, err := vfs.ReadFile(t.Context(), fsys, info.Path)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Fields(string(data))...)
	}
	slices.Sort(lines)
	return lines, success
}

// TestTwoSinksArePublishedTogether cuts the link to either store at each step of a job with two sinks: nothing is visible, or what is left is
// noted, and a second run publishes it, once.
func TestTwoSinksArePublishedTogether(t *testing.T) {
	want := []string{"0", "1", "2", "3", "4"}
	for _, mode := range []file.Mode{file.ErrorIfExists, file.Append, file.Overwrite} {
		for _, which := range []string{"one", "two"} {
			completed := 0
			for n := 1; ; n++ {
				s := stores{mem.New("one"), mem.New("two")}
				build := func(job *plan.Job) {
					numbers := dataset.Generate(job, 5, func(i int64) string { return fmt.Sprint(i) })
					dataset.Write(numbers, file.Sink[string]{Path: "one:///out", Format: text.Lines{}, Mode: mode})
					dataset.Write(numbers, file.Sink[string]{Path: "two:///out", Format: text.Lines{}, Mode: mode})
				}
				o := runner.Options{Files: s.files(n, 0), Record: filepath.Join(t.TempDir(), "publishing.json"), Attempts: 1}
				if which == "two" {
					o.Files = s.files(0, n)
				}
				_, err := runner.Run(t.Context(), build, o)
				some, decided := errors.AsType[*coordinator.PublishError](err)
				if err != nil && !errors.Is(err, errLink) {
					t.Fatal(err)
				}
				if err != nil && !decided {
					for _, fsys := range []*mem.FS{s.one, s.two} {
						if lines, success := published(t, fsys); len(lines) > 0 || success {
							t.Fatalf("%v %s %d: %d lines are visible of a job that published nothing", mode, which, n, len(lines))
						}
					}
					continue
				}
				if err != nil {
					if len(some.Done) != 1 || len(some.Left) != 1 || !strings.Contains(err.Error(), "--complete") {
						t.Fatalf("the error is %v", err)
					}
					summary, err := runner.Run(t.Context(), build, runner.Options{Files: s.files(0, 0), Complete: o.Record})
					if err != nil {
						t.Fatal(err)
					}
					if completed++; summary.RowsOut != 10 {
						t.Errorf("the summary says %d records", summary.RowsOut)
					}
				}
				for _, fsys := range []*mem.FS{s.one, s.two} {
					if lines, success := published(t, fsys); !slices.Equal(lines, want) || !success {
						t.Fatalf("%v %s %d: published are %q", mode, which, n, lines)
					}
				}
				var usage *runner.UsageError
				if _, err := runner.Run(t.Context(), build, runner.Options{Files: s.files(0, 0), Complete: o.Record}); !errors.As(err, &usage) {
					t.Fatalf("completing what is complete: %v", err)
				}
				if err == nil {
					break
				}
			}
			if completed == 0 {
				t.Errorf("%v: no cut of the link to %s came between the sinks", mode, which)
			}
		}
	}
}

// TestSinksAreAskedFirst has the second sink's target filled by somebody else while the job runs: the first one stays empty.
func TestSinksAreAskedFirst(t *testing.T) {
	s := stores{mem.New("one"), mem.New("two")}
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		numbers := dataset.Map(dataset.Generate(job, 5, func(i int64) int64 { return i }), func(i int64) string {
			if err := errors.Join(s.two.Mkdir(t.Context(), "/out"), vfs.WriteFileAtomic(t.Context(), s.two, "/out/intruder", []byte("x"))); err != nil {
				panic(err)
			}
			return fmt.Sprint(i)
		})
		dataset.Write(numbers, file.Sink[string]{Path: "one:///out", Format: text.Lines{}})
		dataset.Write(numbers, file.Sink[string]{Path: "two:///out", Format: text.Lines{}})
	}, runner.Options{Files: s.files(0, 0), Record: filepath.Join(t.TempDir(), "publishing.json")})
	if !errors.Is(err, file.ErrTargetExists) {
		t.Errorf("the error is %v", err)
	}
	if lines, success := published(t, s.one); len(lines) > 0 || success {
		t.Errorf("the first sink has published %q", lines)
	}
}

// TestAnotherJobDoesNotComplete gives what one job left to another.
func TestAnotherJobDoesNotComplete(t *testing.T) {
	s := stores{mem.New("one"), mem.New("two")}
	record := filepath.Join(t.TempDir(), "publishing.json")
	write := func(path string) func(job *plan.Job) {
		return func(job *plan.Job) {
			dataset.Write(dataset.FromSlice(job, []string{"a"}), file.Sink[string]{Path: path, Format: text.Lines{}})
		}
	}
	for n := 1; ; n++ {
		_, err := runner.Run(t.Context(), write("one:///out"), runner.Options{Files: s.files(n, 0), Record: record, Attempts: 1})
		if _, err := os.Stat(record); err == nil {
			break
		}
		if err == nil {
			t.Fatal("no publishing has failed")
		}
	}
	var usage *runner.UsageError
	_, err := runner.Run(t.Context(), write("one:///other"), runner.Options{Files: s.files(0, 0), Complete: record})
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "one:///out") {
		t.Errorf("the error is %v", err)
	}
}
