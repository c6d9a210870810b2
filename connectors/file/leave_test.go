package file_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// TestStoppedJob stops a job with a savepoint: its folders for files in progress go, and what takes its last checkpoints back stays.
func TestStoppedJob(t *testing.T) {
	out := t.TempDir()
	var stopped errgroup.Group
	o := runner.Options{Name: "stopped", Parallelism: 2}
	o.Streaming.Checkpoints.Interval, o.Streaming.Checkpoints.Folder = 10*time.Millisecond, "file://"+t.TempDir()
	o.Running = func(c runner.Controls) {
		stopped.Go(func() error { // waited for below
			for {
				now := c.Status()
				if last := now.Checkpoints.LastComplete(); last != nil && last.ID > 2 {
					break
				}
				time.Sleep(time.Millisecond)
			}
			_, err := c.Stop(context.Background(), "file://"+t.TempDir(), false)
			return err
		})
	}
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		in := generate.Source[string]{Endless: true, Rate: 10_000, At: func(int64) string { return "x" }}
		datastream.Write(datastream.Read(job, in, plan.UID("in")), file.Sink[string]{Path: out, Format: text.Lines{}}, plan.UID("out"))
	}, o)
	if err = errors.Join(err, stopped.Wait()); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(out, "_temporary", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range left {
		if !strings.HasSuffix(name, "~commits") {
			t.Errorf("%s is left behind", name)
		}
	}
	if files, err := os.ReadDir(out); err != nil || len(files) < 3 {
		t.Errorf("there are %d files, %v", len(files), err)
	}
}
