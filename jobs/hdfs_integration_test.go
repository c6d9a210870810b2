//go:build integration

package jobs_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/testkit/hadoop"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/vfs"
)

// cluster is a real HDFS and the options of jobs that run on it.
type cluster struct {
	*hadoop.Cluster
	options runner.Options
}

func startCluster(t *testing.T, o hadoop.Options, h hdfs.Options) cluster {
	t.Helper()
	c := hadoop.Start(t, o)
	c.Setenv(t)
	h.SpoolDir = t.TempDir()
	if c.KDC != nil {
		h.Principal, h.Keytab = "hdfs/localhost@"+hadoop.Realm, c.KDC.DaemonKeytab
	}
	files := runner.NewFiles(h)
	t.Cleanup(func() {
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	})
	return cluster{c, runner.Options{Parallelism: 2, Scratch: t.TempDir(), Files: files}}
}

func (c cluster) url(name string) string { return "hdfs://" + c.NameNode + "/" + name }

// published returns the data files of a folder, its success marker among them, and what they hold.
func (c cluster) published(t *testing.T, name string) (names []string, content string) {
	t.Helper()
	fsys, root, err := c.options.Files.FS(t.Context(), c.url(name))
	if err != nil {
		t.Fatal(err)
	}
	infos, err := fsys.List(t.Context(), root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ""
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		names = append(names, info.Name())
		if strings.HasPrefix(info.Name(), "_") {
			continue
		}
		data, err := vfs.ReadFile(t.Context(), fsys, info.Path)
		if err != nil {
			t.Fatal(err)
		}
		content += string(data)
	}
	return names, content
}

// during returns options whose job is disturbed once, at the n-th turn of its tasks.
func (c cluster) during(n int64, disturb func()) runner.Options {
	o := c.options
	var turns atomic.Int64
	var once sync.Once
	o.Probe = func(control.Attempt) error {
		if turns.Add(1) >= n {
			once.Do(disturb)
		}
		return nil
	}
	return o
}

func (c cluster) validate(t *testing.T, name string, rows int64) {
	t.Helper()
	run(t, &jobs.TeraValidate{In: c.url(name), Out: c.url(name + "-report"), Records: rows}, c.options)
}

func TestHDFS(t *testing.T) {
	c := startCluster(t, hadoop.Options{DataNodes: 3, BlockSize: 4 << 20}, hdfs.Options{})
	const rows = 150_000
	run(t, &jobs.TeraGen{Rows: rows, Out: c.url("tera"), ASCII: true}, c.options)

	t.Run("WordCount", func(t *testing.T) {
		run(t, &jobs.WordCount{In: c.url("tera"), Out: c.url("words"), Exact: true}, c.options)
		if _, counts := c.published(t, "words"); strings.Count(counts, "\n") < rows {
			t.Errorf("%d words", strings.Count(counts, "\n"))
		}
	})
	t.Run("Convert", func(t *testing.T) {
		run(t, &jobs.Convert{In: c.url("words"), From: "csv", NoHeader: true, Out: c.url("words.parquet")}, c.options)
		run(t, &jobs.Convert{In: c.url("words.parquet"), Out: c.url("words.csv"), NoHeader: true}, c.options)
		_, before := c.published(t, "words")
		_, after := c.published(t, "words.csv")
		if !slices.Equal(sortedLines(before), sortedLines(after)) {
			t.Error("the rows are not the same there and back")
		}
	})
	t.Run("TeraSort", func(t *testing.T) {
		run(t, &jobs.TeraSort{In: c.url("tera"), Out: c.url("sorted")}, c.options)
		c.validate(t, "sorted", rows)
	})
	t.Run("DataNodeDies", func(t *testing.T) {
		defer c.StartDataNode(t, 1)
		run(t, &jobs.TeraSort{In: c.url("tera"), Out: c.url("sorted-2")}, c.during(100, func() { c.KillDataNode(1) }))
		c.validate(t, "sorted-2", rows)
	})
	t.Run("NameNodeRestarts", func(t *testing.T) {
		restarted := make(chan struct{})
		o := c.during(100, func() {
			go func() { // waited for below
				defer close(restarted)
				c.RestartNameNode(t)
			}()
		})
		_, err := runner.Run(t.Context(), (&jobs.TeraSort{In: c.url("tera"), Out: c.url("sorted-3")}).Build, o)
		<-restarted
		names, _ := c.published(t, "sorted-3")
		switch {
		case err == nil:
			c.validate(t, "sorted-3", rows)
		case !vfs.IsUnavailable(err):
			t.Errorf("the error is no fault of the surroundings: %v", err)
		case slices.Contains(names, "_SUCCESS"):
			t.Errorf("the job failed, but there are %v: %v", names, err)
		}
	})
}

func TestKerberisedHDFS(t *testing.T) {
	c := startCluster(t, hadoop.Options{Kerberos: true}, hdfs.Options{})
	run(t, &jobs.TeraGen{Rows: 20_000, Out: c.url("tera")}, c.options)
	run(t, &jobs.TeraSort{In: c.url("tera"), Out: c.url("sorted")}, c.options)
	c.validate(t, "sorted", 20_000)
	if _, err := runner.Run(t.Context(), func(job *plan.Job) { (&jobs.TeraGen{Rows: 1, Out: c.url("tera")}).Build(job) }, c.options); err == nil ||
		!strings.Contains(err.Error(), "has data already") {
		t.Errorf("error %v", err)
	}
}

func sortedLines(text string) []string {
	out := strings.Split(text, "\n")
	slices.Sort(out)
	return out
}
