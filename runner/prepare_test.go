package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/errfs"
	"github.com/millrace/millrace/vfs/mem"
)

// A sink that cannot finish its file for a checkpoint has lost what is in it: its rows are written again.
func TestUnfinishedOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := mem.New("")
		faulty := errfs.New(disk, errfs.Options{Faults: []errfs.Fault{{Op: errfs.Write, Name: "part-*", Nth: 2, Err: errors.New("no more room")}}})
		files := vfs.NewResolver(map[string]vfs.Opener{"mem": func(context.Context, string) (vfs.FileSystem, error) { return faulty, nil }})
		o := runner.Options{Parallelism: 1, Scratch: t.TempDir(), Files: files}
		o.Streaming.Always = true
		o.Streaming.Checkpoints.Interval = time.Second
		_, err := runner.Run(t.Context(), func(job *plan.Job) {
			lines := datastream.Read(job, generate.Source[string]{Rows: 100, Rate: 20, At: func(i int64) string { return fmt.Sprint(i) }})
			datastream.Write(lines, file.Sink[string]{Path: "mem:///out", Format: text.Lines{}}, plan.UID("out"))
		}, o)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for info, err := range vfs.Walk(t.Context(), disk, "/out") {
			if err != nil {
				t.Fatal(err)
			}
			data, err := vfs.ReadFile(t.Context(), disk, info.Path)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(data)) {
				seen[strings.TrimSpace(line)]++
			}
		}
		for i := range 100 {
			if n := seen[fmt.Sprint(i)]; n != 1 {
				t.Errorf("record %d is there %d times", i, n)
			}
		}
	})
}
