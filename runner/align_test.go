package runner_test

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/internal/testkit/disturb"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// race sees how far the records of two sources come in event time, and by how much the fast one was ahead at most.
type race struct {
	start chan struct{} // nil, or closed when the fast one has a start of freeStart; the slow one does not begin before

	mu         sync.Mutex // guards all below
	fast, slow int64      // event time, seconds
	ahead      int64
	hasStart   bool
}

func (r *race) see(at *int64, seconds int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*at = max(*at, seconds)
	r.ahead = max(r.ahead, r.fast-r.slow)
	if r.start != nil && !r.hasStart && r.fast >= freeStart {
		r.hasStart = true
		close(r.start)
	}
}

// The two sources cover the same event time; the fast one has a row for each second, the slow one for each 20, and is throttled.
const (
	raceSeconds = 100_000
	slowStep    = 20
	raceDrift   = 4000
	freeStart   = 10 * raceDrift
)

// raced joins a fast and a slow source by windows of 500 s.
func raced(r *race, strategy watermark.Strategy, got **dataset.Result[string]) func(*plan.Job) {
	return func(job *plan.Job) {
		fast := datastream.Read(job, generate.Source[sample]{
			Rows: raceSeconds, SplitRows: raceSeconds, At: func(i int64) sample { return sample{i % 7, i} },
		}, plan.UID("fast"))
		slow := datastream.Read(job, generate.Source[sample]{
			Rows: raceSeconds / slowStep, SplitRows: raceSeconds / slowStep, Rate: 20_000,
			At: func(i int64) sample {
				if r.start != nil {
					<-r.start
				}
				return sample{i % 7, i * slowStep}
			},
		}, plan.UID("slow"))
		fast = datastream.Map(fast, func(s sample) sample {
			r.see(&r.fast, s.Value)
			return s
		})
		slow = datastream.Map(slow, func(s sample) sample {
			r.see(&r.slow, s.Value)
			return s
		})
		at := func(s sample) time.Time { return time.Unix(s.Value, 0) }
		key := func(s sample) int64 { return s.Key }
		left := datastream.KeyBy(datastream.EventTime(fast, at, strategy), key)
		right := datastream.KeyBy(datastream.EventTime(slow, at, strategy), key)
		pairs := datastream.CoGroupWindows(left, right, window.Tumbling(500*time.Second),
			func(p window.Pane[int64], l, r []sample) iter.Seq[string] {
				return slices.Values([]string{fmt.Sprintf("%d %d: %d and %d", p.Start.Unix(), p.Key, len(l), len(r))})
			}, plan.UID("pairs"))
		*got = datastream.Collect(pairs)
	}
}

func sorted(got *dataset.Result[string]) []string {
	return slices.Sorted(slices.Values(got.Records()))
}

// raceBatch is the rows of a batch: with a row a second, by so much a source goes on at once.
const raceBatch = 500

func raceOptions(tasks int) runner.Options {
	o := runner.Options{Parallelism: tasks, BatchRows: raceBatch}
	o.Streaming.Always = true
	o.Streaming.Checkpoints.Interval = 20 * time.Millisecond
	o.Streaming.Restart.Delay = time.Millisecond
	return o
}

// Aligned, the fast source is never ahead by more than the drift, and the batch that shows it; free, it goes as far as it likes, even if the other
// does not begin before. What the job gives is the same.
func TestAligned(t *testing.T) {
	var want *dataset.Result[string]
	free := race{start: make(chan struct{})}
	if _, err := runner.Run(t.Context(), raced(&free, watermark.Monotonous(), &want), raceOptions(1)); err != nil {
		t.Fatal(err)
	}
	if free.ahead < freeStart {
		t.Errorf("not aligned, the fast source was %d s ahead, not %d", free.ahead, freeStart)
	}
	aligned := watermark.Monotonous().Align("race", raceDrift*time.Second)
	for _, tasks := range []int{1, 3} {
		var got *dataset.Result[string]
		var r race
		if _, err := runner.Run(t.Context(), raced(&r, aligned, &got), raceOptions(tasks)); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d tasks: %d s ahead", tasks, r.ahead)
		if most := int64(raceDrift + 2*raceBatch + 1); r.ahead > most {
			t.Errorf("%d tasks: the fast source was %d s ahead, more than %d", tasks, r.ahead, most)
		}
		if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
			t.Errorf("%d tasks: aligned and not (-want +got):\n%s", tasks, diff)
		}
	}
}

// Killed at random turns, aligned sources give the same, and are aligned again.
func TestAlignedKilled(t *testing.T) {
	var want *dataset.Result[string]
	if _, err := runner.Run(t.Context(), raced(&race{}, watermark.Monotonous(), &want), raceOptions(1)); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(3) {
		killer := disturb.NewKiller(seed, 3, 200)
		o := raceOptions(1 + int(seed))
		o.Probe = killer.Probe
		var got *dataset.Result[string]
		aligned := watermark.Monotonous().Align("race", raceDrift*time.Second)
		if _, err := runner.Run(t.Context(), raced(&race{}, aligned, &got), o); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
			t.Errorf("seed %d: killed and not (-want +got):\n%s", seed, diff)
		}
		if n := killer.Left(); n > 0 {
			t.Errorf("seed %d: %d kills did not come", seed, n)
		}
	}
}

// Behind an exchange nobody can leave splits unread.
func TestAlignedTooLate(t *testing.T) {
	o := runner.Options{Parallelism: 2}
	o.Streaming.Always = true
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		in := datastream.Read(job, generate.Source[sample]{Rows: 10, At: func(i int64) sample { return sample{i, i} }})
		at := func(s sample) time.Time { return time.Unix(s.Value, 0) }
		timed := datastream.EventTime(datastream.Rebalance(in), at, watermark.Monotonous().Align("race", time.Second))
		datastream.Collect(timed)
	}, o)
	if runner.ExitCode(err) != runner.ExitUsage || !strings.Contains(err.Error(), `group "race"`) {
		t.Errorf("got %v", err)
	}
}

// The status of a job shows which splits are paused.
func TestPausedIsShown(t *testing.T) {
	gate := make(chan struct{})
	var opened sync.Once
	open := func() { opened.Do(func() { close(gate) }) }
	o := raceOptions(1)
	shown := make(chan string, 1)
	var looking sync.WaitGroup
	o.Running = func(c runner.Controls) {
		looking.Go(func() { // ends with the look that finds it, or the test
			defer open()
			for t.Context().Err() == nil {
				for _, n := range c.Status().Nodes {
					for _, s := range n.Splits {
						if s.Paused {
							shown <- n.UID
							return
						}
					}
				}
			}
		})
	}
	aligned := watermark.Monotonous().Align("race", raceDrift*time.Second)
	at := func(s sample) time.Time { return time.Unix(s.Value, 0) }
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		for _, uid := range []string{"fast", "slow"} {
			in := datastream.Read(job, generate.Source[sample]{Rows: 20_000, At: func(i int64) sample {
				if uid == "slow" && i == 1000 {
					<-gate
				}
				return sample{0, i}
			}}, plan.UID(uid))
			datastream.Collect(datastream.EventTime(in, at, aligned))
		}
	}, o)
	looking.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if got := <-shown; got != "fast" {
		t.Errorf("paused: %s", got)
	}
}
