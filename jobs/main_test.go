package jobs_test

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
)

func TestMain(m *testing.M) {
	// The HDFS client leaves goroutines behind for each pipeline that a dead DataNode broke.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/colinmarc/hdfs/v2/internal/transfer.(*blockWriteStream).ackPackets"),
		goleak.IgnoreAnyFunction("github.com/colinmarc/hdfs/v2/internal/transfer.(*blockWriteStream).writeHeartbeats"),
	)
}

// parallelisms are the numbers of tasks that each job is run with.
var parallelisms = map[string]int{"1 task": 1, "2 tasks": 2, "7 tasks": 7}

// settings returns the ways in which each job is run, by name.
func settings(t *testing.T) map[string]runner.Options {
	t.Helper()
	all := map[string]runner.Options{}
	for name, tasks := range parallelisms {
		all[name] = runner.Options{Parallelism: tasks, Scratch: t.TempDir()}
	}
	return all
}

// run runs a job that must succeed.
func run(t *testing.T, job runner.Job, o runner.Options) *runner.Summary {
	t.Helper()
	s, err := runner.Run(t.Context(), job.Build, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fails runs a job that must fail with an error that says all the texts.
func fails(t *testing.T, job runner.Job, texts ...string) {
	t.Helper()
	_, err := runner.Run(t.Context(), job.Build, runner.Options{Parallelism: 2})
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error does not say %q:\n%v", text, err)
		}
	}
}

// put writes a file below a temporary folder and returns its path.
func put(t *testing.T, dir, name, content string) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// files returns the data files of a folder in the order of their paths, relative to it.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasPrefix(d.Name(), "_") {
			rel, _ := filepath.Rel(dir, p)
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// content returns the data files of a folder one after the other.
func content(t *testing.T, dir string) string {
	t.Helper()
	var all []byte
	for _, name := range files(t, dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return string(all)
}

// lines returns the lines of a folder's files, sorted.
func lines(t *testing.T, dir string) []string {
	t.Helper()
	text := strings.TrimSuffix(content(t, dir), "\n")
	if text == "" {
		return nil
	}
	out := strings.Split(text, "\n")
	slices.Sort(out)
	return out
}

// Every job has flags whose defaults are its fields, and a mode where it writes.
func TestTable(t *testing.T) {
	names := map[string]bool{}
	for _, e := range jobs.All() {
		if names[e.Name] || e.Short == "" {
			t.Errorf("%s occurs twice or has no text", e.Name)
		}
		names[e.Name] = true
		f := flag.NewFlagSet(e.Name, flag.ContinueOnError)
		f.SetOutput(io.Discard)
		e.New().Flags(f)
		f.VisitAll(func(one *flag.Flag) {
			if one.Usage == "" {
				t.Errorf("%s --%s has no help", e.Name, one.Name)
			}
		})
		if f.Lookup("out") != nil && f.Lookup("mode") == nil {
			t.Errorf("%s writes and has no --mode", e.Name)
		}
		if found, ok := jobs.Find(e.Name); !ok || found.Name != e.Name {
			t.Errorf("%s is not found", e.Name)
		}
	}
	if _, ok := jobs.Find("nothing"); ok {
		t.Error("a job that does not exist is found")
	}
}
