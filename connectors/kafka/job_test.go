package kafka_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/connectors/ratelimit"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
)

// TestJob copies a topic to another and to files, exactly once, while a task is killed; the real broker is put under more fire.
func TestJob(t *testing.T) {
	addr := fake(t, kfake.SeedTopics(3, "in1"), kfake.SeedTopics(2, "out1"))
	copyUnderFire(t, addr, 1, 1)
}

// copyUnderFire copies the topic "in" and the seed to "out" and the seed.
func copyUnderFire(t *testing.T, addr string, seed uint64, most int) {
	t.Helper()
	var want []string
	from, to := fmt.Sprint("in", seed), fmt.Sprint("out", seed)
	for p := range int32(3) {
		values := numbers(int(p)*1000, int(p)*1000+700)
		produce(t, addr, from, p, values...)
		for _, v := range values {
			want = append(want, "x"+v)
		}
	}
	dir := t.TempDir()
	build := func(job *plan.Job) {
		in := ratelimit.Source[string]{TypedSource: kafka.Source[string]{Brokers: addr, Topic: from, Format: text.Lines{}, Stop: kafka.AtLatest()}, Rows: 1500}
		marked := datastream.Map(datastream.Read(job, in, plan.UID("in")), func(s string) string { return "x" + s })
		datastream.Write(marked, kafka.Sink[string]{Brokers: addr, Topic: to, Format: text.Lines{}, Delivery: kafka.ExactlyOnce}, plan.UID("out"))
		datastream.Write(marked, file.Sink[string]{Path: dir, Format: text.Lines{}, Rolling: file.Rolling{Size: 3000}}, plan.UID("files"))
	}
	var lock sync.Mutex
	kills, rng := 0, rand.New(rand.NewPCG(seed, 0))
	next := time.Now().Add(100 * time.Millisecond)
	probe := func(control.Attempt) error {
		lock.Lock()
		defer lock.Unlock()
		if kills == most || time.Now().Before(next) {
			return nil
		}
		kills++
		next = time.Now().Add(time.Duration(50+rng.IntN(200)) * time.Millisecond)
		return errors.New("killed")
	}
	_, err := runner.Run(t.Context(), build, runner.Options{
		Name: fmt.Sprint("copy", seed), Parallelism: 2,
		Streaming: runner.Streaming{
			Always: true, Checkpoints: runner.Checkpoints{Interval: 40 * time.Millisecond},
			Restart: runner.Restart{Strategy: runner.RestartFixed, Attempts: 100, Delay: time.Millisecond},
		},
		Probe: probe,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := consume(t, addr, to, len(want)); !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("in the topic are %d records, %d were written; %d kills", len(got), len(want), kills)
	}
	if kills == 0 {
		t.Error("nothing was killed")
	}
	var files *dataset.Result[string]
	check(t, run(t, func(job *plan.Job) {
		files = dataset.Collect(dataset.Read(job, file.Source[string]{Path: dir, Format: text.Lines{}}))
	}))
	if got := files.Records(); !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("in the files are %d records, %d were written; %d kills", len(got), len(want), kills)
	}
}

func run(t *testing.T, build func(*plan.Job)) error {
	t.Helper()
	_, err := runner.Run(t.Context(), build)
	return err
}
