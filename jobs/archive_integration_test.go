//go:build integration

package jobs_test

import (
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/internal/testkit/disturb"
	"github.com/millrace/millrace/internal/testkit/hadoop"
	testkit "github.com/millrace/millrace/internal/testkit/kafka"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
)

// TestArchiveOnHDFS takes files to a real Kafka and from there to a real HDFS. Tasks are killed on both ways, and the archive's process ends in the
// middle: it goes on from its last checkpoint, which lies on HDFS too. Each message is in the archive once, in few files.
func TestArchiveOnHDFS(t *testing.T) {
	const messages = 50_000
	c := startCluster(t, hadoop.Options{}, hdfs.Options{})
	k := testkit.Start(t, nil)
	k.CreateTopic(t, "clicks", 3)
	k.CreateTopic(t, "lines", 3)
	all := clicks(messages)

	t.Run("publish", func(t *testing.T) {
		dir := t.TempDir()
		var want []string
		for i := 0; i < messages; i += 5000 {
			var text strings.Builder
			for _, m := range all[i : i+5000] {
				want = append(want, string(m.Value))
				text.Write(append(m.Value, '\n'))
			}
			put(t, dir, all[i].Time.Format("150405")+".log", text.String())
		}
		o := disturbed(c, 3, 400)
		run(t, &jobs.Publish{In: dir, From: "text", Brokers: jobs.Brokers{Addresses: k.Addr}, Topic: "lines", Rate: 20_000}, o)
		var got []string
		for _, m := range testkit.Consume(t, k.Addr, "lines", messages) {
			got = append(got, string(m.Value))
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("in the topic are %d messages, %d were written", len(got), len(want))
		}
	})

	t.Run("archive", func(t *testing.T) {
		testkit.Produce(t, k.Addr, "clicks", all[:messages/2]...)
		o := disturbed(c, 3, 200)
		o.Name, o.Streaming.Checkpoints.Folder = "archive", c.url("checkpoints")
		job := archiveOf(k.Addr, c.url("clicks"))
		job.Once, job.Every, job.Idle, job.Rate = false, time.Hour, 2*time.Second, 5000 // killed while it reads
		until(t, job, o, func(run runner.Controls) bool {
			now := run.Status()
			last := now.Checkpoints.LastComplete()
			return now.Restarts > 1 && last != nil
		})
		testkit.Produce(t, k.Addr, "clicks", all[messages/2:]...)
		o.Streaming.From, job.Rate = runner.FromLatest, 0
		until(t, job, o, func(runner.Controls) bool {
			time.Sleep(time.Second) // it looks at all files
			return len(c.below(t, "clicks")) > 0 && len(parquetOf[kept](t, c.url("clicks/dt=*"), c.options)) >= messages
		})
		checkArchive(t, c.url("clicks/dt=*"), all, c.options)
		if files := c.below(t, "clicks"); len(files) > 40 {
			t.Errorf("there are %d files: %v", len(files), files)
		}
	})
}

// disturbed returns the options of a stream on the cluster whose tasks are killed.
func disturbed(c cluster, kills, within int) runner.Options {
	o := disturb.NewKiller(1, kills, within).Options(2)
	o.Files, o.Scratch = c.options.Files, c.options.Scratch
	o.Streaming.Checkpoints.Interval = 300 * time.Millisecond
	return o
}

// below returns the data files of a folder and those in it.
func (c cluster) below(t *testing.T, name string) (names []string) {
	t.Helper()
	fsys, root, err := c.options.Files.FS(t.Context(), c.url(name))
	if err != nil {
		t.Fatal(err)
	}
	for info, err := range vfs.Walk(t.Context(), fsys, root) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, path.Base(path.Dir(info.Path))+"/"+info.Name())
	}
	return names
}
