package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/internal/testkit/disturb"
	testkit "github.com/millrace/millrace/internal/testkit/kafka"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// midnight is between the days of the messages.
var midnight = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// clicks are messages of three partitions, from minutes before midnight to minutes after it.
func clicks(n int) []testkit.Message {
	var out []testkit.Message
	for i := range n {
		m := testkit.Message{Partition: int32(i % 3), Time: midnight.Add(time.Duration(i-1000) * time.Second)}
		m.Value = fmt.Appendf(nil, `{"id": %d, "user": {"name": "u%d"}, "price": "%d.50", "at": "%s"}`, i, i%7, i%5, m.Time.Format(time.RFC3339))
		if i%4 > 0 {
			m.Key = fmt.Appendf(nil, "u%d", i%7)
		}
		out = append(out, m)
	}
	return out
}

// archiveOf is the job for the topic clicks.
func archiveOf(addr, out string) *jobs.Archive {
	a := jobs.NewArchive()
	a.Brokers.Addresses, a.Topic, a.Out, a.Once = addr, "clicks", out, true
	return a
}

// parquetOf returns the records of a folder of Parquet files.
func parquetOf[T any](t *testing.T, dir string, o runner.Options) []T {
	t.Helper()
	var got *dataset.Result[T]
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		got = dataset.Collect(dataset.Read(job, file.Source[T]{Path: dir, Format: parquet.Format[T]{}}))
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	return got.Records()
}

// kept is a message, and its folder's name.
type kept struct {
	jobs.Message
	Day string `col:"dt"`
}

// checkArchive compares what was kept of a topic with what was written to it.
func checkArchive(t *testing.T, dir string, written []testkit.Message, o runner.Options) {
	t.Helper()
	offsets := map[int32]int64{}
	var want, got []string
	for _, m := range written {
		want = append(want, fmt.Sprintln("clicks", m.Partition, offsets[m.Partition], m.Key == nil, string(m.Key), string(m.Value), m.Time, m.Time.Format(time.DateOnly)))
		offsets[m.Partition]++
	}
	for _, m := range parquetOf[kept](t, dir, o) {
		key := ""
		if m.Key != nil {
			key = *m.Key
		}
		got = append(got, fmt.Sprintln(m.Topic, m.Partition, m.Offset, m.Key == nil, key, m.Value, m.Timestamp, m.Day))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("%d messages are kept of %d (-want +got):\n%.2000s", len(got), len(want), diff)
	}
}

// Every message is in the folder of its day, once, whether the job is a batch, a stream, or killed.
func TestArchive(t *testing.T) {
	all := clicks(3000)
	addr := testkit.Fake(t, 3, "clicks")
	testkit.Produce(t, addr, "clicks", all...)
	killer := disturb.NewKiller(1, 3, 60)
	for name, o := range map[string]runner.Options{"batch": {Parallelism: 2}, "stream": disturb.NewKiller(1, 0, 1).Options(2), "killed": killer.Options(2)} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			job := archiveOf(addr, out)
			job.Rate = 20_000
			run(t, job, o)
			checkArchive(t, out, all, runner.Options{})
			if got := files(t, out); len(got) > 4 { // two days, two tasks
				t.Errorf("there are %d files: %v", len(got), got)
			}
		})
	}
	if n := killer.Left(); n > 0 {
		t.Errorf("%d kills did not come", n)
	}
}

var errOver = errors.New("the test has seen enough")

// until runs a job without end until seen is true of its status.
func until(t *testing.T, job runner.Job, o runner.Options, seen func(runner.Controls) bool) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	watched := make(chan struct{})
	o.Running = func(c runner.Controls) {
		go func() { // ends with ctx, and ctx with it: seen may fail the test
			defer close(watched)
			defer cancel(errOver)
			for ctx.Err() == nil {
				if seen(c) {
					cancel(errOver)
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
	}
	_, err := runner.Run(ctx, job.Build, o)
	if !errors.Is(context.Cause(ctx), errOver) {
		t.Fatal(err)
	}
	<-watched
}

// A job that is killed goes on from its last checkpoint: what it reads twice is kept once, and what came meanwhile is kept too.
func TestArchiveGoesOn(t *testing.T) {
	all := clicks(3000)
	addr := testkit.Fake(t, 3, "clicks")
	testkit.Produce(t, addr, "clicks", all[:1500]...)
	out := t.TempDir()
	o := disturb.NewKiller(1, 0, 1).Options(2)
	o.Name, o.Streaming.Checkpoints.Folder = "archive", "file://"+t.TempDir()
	job := archiveOf(addr, out)
	job.Once, job.Every, job.Idle = false, time.Hour, 20*time.Millisecond
	until(t, job, o, func(c runner.Controls) bool {
		now := c.Status()
		last := now.Checkpoints.LastComplete()
		return last != nil && last.ID > 5
	})
	testkit.Produce(t, addr, "clicks", all[1500:]...)
	o.Streaming.From = runner.FromLatest
	until(t, job, o, func(runner.Controls) bool {
		some, err := filepath.Glob(out + "/dt=*/*.parquet")
		return err == nil && len(some) > 0 && len(parquetOf[kept](t, out, runner.Options{})) >= len(all)
	})
	checkArchive(t, out, all, runner.Options{})
}

// A day's folder is marked when messages are a minute into the next one; it is complete then.
func TestArchiveMarks(t *testing.T) {
	all := clicks(3000)
	addr := testkit.Fake(t, 3, "clicks")
	testkit.Produce(t, addr, "clicks", all...)
	out := t.TempDir()
	o := disturb.NewKiller(1, 2, 60).Options(2)
	o.Name = "archive"
	job := archiveOf(addr, out)
	job.Once, job.Every, job.Mark = false, time.Hour, time.Minute
	until(t, job, o, func(runner.Controls) bool {
		_, err := os.Stat(filepath.Join(out, "dt=2026-03-01", "_SUCCESS"))
		return err == nil
	})
	if got := parquetOf[kept](t, filepath.Join(out, "dt=2026-03-01"), runner.Options{}); len(got) != 1000 {
		t.Errorf("%d messages are in the folder that is marked", len(got))
	}
	if _, err := os.Stat(filepath.Join(out, "dt=2026-03-02", "_SUCCESS")); err == nil {
		t.Error("the folder of the last day is marked")
	}
	job.Columns = "id bigint"
	if job.Validate() == nil {
		t.Error("columns can be marked")
	}
}

// sale is a message taken apart.
type sale struct {
	ID    *int64
	Price *float64
	At    *time.Time
	Day   string `col:"day"`
}

func TestArchiveColumns(t *testing.T) {
	all := clicks(2000)
	addr := testkit.Fake(t, 3, "clicks")
	testkit.Produce(t, addr, "clicks", append(all, testkit.Message{Value: []byte(`{"id": "none"}`)}, testkit.Message{Value: []byte(`{"other": 1}`)})...)
	out := t.TempDir()
	job := archiveOf(addr, out)
	job.Columns, job.Time, job.Folders, job.Zone = "id bigint, price decimal(5,2), at timestamp", "at", "day=2006-01-02", "Europe/Berlin"
	fails(t, job, "clicks/", `field id: "none"`)
	job.Bad = 1
	for name, o := range map[string]runner.Options{"batch": {Parallelism: 2}, "stream": disturb.NewKiller(1, 2, 60).Options(2)} {
		out := t.TempDir()
		job.Out = out
		run(t, job, o)
		berlin, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for i, m := range all {
			want = append(want, fmt.Sprintln(i, float64(i%5)+0.5, m.Time, m.Time.In(berlin).Format(time.DateOnly)))
		}
		for _, s := range parquetOf[sale](t, out+"/day=*", runner.Options{}) {
			got = append(got, fmt.Sprintln(*s.ID, *s.Price, *s.At, s.Day))
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %d messages are kept of %d (-want +got):\n%.2000s", name, len(got), len(want), diff)
		}
		others, err := filepath.Glob(out + "/time=*/*.parquet") // whose time is not known
		if err != nil || len(others) != 1 {
			t.Errorf("%s: files of messages without a time: %v, %v; all: %v", name, others, err, files(t, out))
		}
	}
}

func TestArchiveBinary(t *testing.T) {
	addr := testkit.Fake(t, 1, "clicks")
	testkit.Produce(t, addr, "clicks", testkit.Message{Key: []byte("a"), Value: []byte{0xff, 0, 1}, Time: midnight}, testkit.Message{Key: []byte("b"), Time: midnight})
	out := t.TempDir()
	job := archiveOf(addr, out)
	fails(t, job, "clicks-0 (offset 0)", "not text", "--binary")
	job.Binary = true
	run(t, job, runner.Options{})
	var got []string
	for _, r := range parquetOf[kafka.Record](t, out, runner.Options{}) {
		got = append(got, fmt.Sprintf("%s %x %v %d", r.Key, r.Value, r.Timestamp.Equal(midnight), r.Offset))
	}
	if diff := gocmp.Diff([]string{"a ff0001 true 0", "b  true 1"}, got); diff != "" {
		t.Error(diff)
	}
}

// Lines of text are messages as they are; each comes once, also when tasks are killed.
func TestPublish(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for f := range 4 {
		var text strings.Builder
		for i := range 500 {
			line := fmt.Sprintf("line %d of file %d", i, f)
			want = append(want, line)
			fmt.Fprintln(&text, line)
		}
		put(t, dir, fmt.Sprintf("%d.log", f), text.String())
	}
	slices.Sort(want)
	killer := disturb.NewKiller(3, 3, 60)
	addr := testkit.Fake(t, 3, "batch", "killed")
	for topic, o := range map[string]runner.Options{"batch": {Parallelism: 2}, "killed": killer.Options(2)} {
		run(t, &jobs.Publish{In: dir, From: "text", Brokers: jobs.Brokers{Addresses: addr}, Topic: topic, Rate: 10_000}, o)
		var got []string
		for _, m := range testkit.Consume(t, addr, topic, len(want)) {
			got = append(got, string(m.Value))
		}
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s: messages differ (-want +got):\n%.2000s", topic, diff)
		}
	}
	if n := killer.Left(); n > 0 {
		t.Errorf("%d kills did not come", n)
	}
}

// Records become JSON; those of one key are in one partition.
func TestPublishRecords(t *testing.T) {
	dir := t.TempDir()
	text, rows := items(300)
	in := put(t, dir, "items.csv", text)
	addr := testkit.Fake(t, 3, "items")
	job := &jobs.Publish{In: in, Brokers: jobs.Brokers{Addresses: addr}, Topic: "items", Key: "name"}
	run(t, job, runner.Options{Parallelism: 2})
	partitions := map[string]int32{}
	var got, want []string
	for _, r := range rows {
		price := "null"
		if r[2] != "" {
			price = r[2]
		}
		want = append(want, fmt.Sprintf(`{"id":%s,"name":%q,"price":%s,"day":%q}`, r[0], r[1], price, r[3]))
	}
	for _, m := range testkit.Consume(t, addr, "items", len(rows)) {
		if p, ok := partitions[string(m.Key)]; ok && p != m.Partition || m.Key == nil {
			t.Errorf("the key %s is in partitions %d and %d", m.Key, p, m.Partition)
		}
		partitions[string(m.Key)] = m.Partition
		got = append(got, string(m.Value))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("messages differ (-want +got):\n%.2000s", diff)
	}
	job.Key = "title"
	fails(t, job, `"title"`, "name")
	job.Key, job.Topic = "", "nowhere"
	fails(t, job, "the topic nowhere", addr)
}
