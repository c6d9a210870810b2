package runner_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/internal/testkit/disturb"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/state"
)

const (
	slowRows   = 48_000
	slowSplits = 16
	slowKeys   = slowSplits * 8
)

// slowSample is row i: all rows of a key are in one split, so that its running sums tell their order.
func slowSample(i int64) sample { return sample{i/(slowRows/slowSplits)*8 + i%8, i} }

// slowly passes totals on, more slowly than they come, and keeps how many of a group it has seen.
type slowly struct {
	Seen  state.Value[int64] `state:"seen"`
	rows  int
	pause int // after so many rows
}

func (s *slowly) OnRecord(ctx *datastream.Context[int64, counted], t total) error {
	if s.rows++; s.rows%s.pause == 0 {
		time.Sleep(time.Millisecond)
	}
	n, _ := s.Seen.Get()
	s.Seen.Set(n + 1)
	ctx.Emit(counted{t, n})
	return nil
}

// counted is a total, and how many of its group were seen before it.
type counted struct {
	Total  total
	Before int64
}

// slow is a job of two exchanges by key, in front of which rows queue up, because a step pauses after so many rows.
func slow(got **dataset.Result[counted], pause int) func(*plan.Job) {
	return func(job *plan.Job) {
		in := datastream.Read(job, generate.Source[sample]{Rows: slowRows, SplitRows: slowRows / slowSplits, At: slowSample}, plan.UID("samples"))
		keyed := datastream.KeyBy(in, func(s sample) int64 { return s.Key })
		sums := datastream.Process(keyed, func() *running { return &running{} }, plan.UID("sums"))
		groups := datastream.KeyBy(sums, func(t total) int64 { return t.Key % 13 })
		*got = datastream.Collect(datastream.Process(groups, func() *slowly { return &slowly{pause: pause} }, plan.UID("slowly")))
	}
}

// checkSlow says whether each running sum has come exactly once, and each group's rows have been counted one by one.
func checkSlow(got []counted) error {
	want, sums, seen := map[total]bool{}, map[int64]int64{}, map[[2]int64]bool{}
	for i := range int64(slowRows) {
		s := slowSample(i)
		sums[s.Key] += s.Value
		want[total{s.Key, sums[s.Key]}] = true
	}
	for _, r := range got {
		if !want[r.Total] {
			return fmt.Errorf("%v is there twice, or in another order", r.Total)
		}
		delete(want, r.Total)
		place := [2]int64{r.Total.Key % 13, r.Before}
		if seen[place] {
			return fmt.Errorf("two rows are number %d of group %d", r.Before, place[0])
		}
		seen[place] = true
	}
	if len(want) > 0 {
		return fmt.Errorf("%d of %d rows are lost", len(want), slowRows)
	}
	return nil
}

// Killed at random while rows queue up in front of a slow operator, a job that does not wait for barriers, or not for long, gives each result once.
func TestKilledUnaligned(t *testing.T) {
	for _, timeout := range []time.Duration{-1, time.Millisecond} {
		for seed := range uint64(3) {
			for _, backend := range []runner.StateBackend{runner.StateHeap, runner.StateLSM} {
				killer := disturb.NewKiller(seed, 3, 100)
				o := killer.Options(1 + int(seed))
				o.Streaming.Checkpoints.AlignmentTimeout, o.Streaming.State = timeout, backend
				var got *dataset.Result[counted]
				if _, err := runner.Run(t.Context(), slow(&got, 256), o); err != nil {
					t.Fatal(err)
				}
				if err := checkSlow(got.Records()); err != nil {
					t.Errorf("time-out %s, seed %d, %s: %v", timeout, seed, backend, err)
				}
				if n := killer.Left(); n > 0 {
					t.Errorf("seed %d: %d kills did not come", seed, n)
				}
			}
		}
	}
}

// Crashed behind a checkpoint that has rows in flight, and begun from it at another parallelism, a job gives each result once.
func TestRescaledUnaligned(t *testing.T) {
	for _, tasks := range [][]int{{1, 4}, {4, 1}, {3, 7}, {2, 2}, {2, 3, 5, 1}} {
		t.Run(fmt.Sprint(tasks), func(t *testing.T) {
			var got *dataset.Result[counted]
			rescaleUnaligned(t, func(pause int) func(*plan.Job) { return slow(&got, pause) }, tasks)
			if err := checkSlow(got.Records()); err != nil {
				t.Error(err)
			}
		})
	}
}

// spread is a job that spreads rows in a way that does not look at them, or at a number in them, in front of a step that pauses.
func spread(got **dataset.Result[sample], by func(datastream.Stream[sample]) datastream.Stream[sample], pause int) func(*plan.Job) {
	return func(job *plan.Job) {
		in := datastream.Read(job, generate.Source[sample]{Rows: slowRows, SplitRows: slowRows / slowSplits, At: slowSample}, plan.UID("samples"))
		var rows atomic.Int64
		*got = datastream.Collect(datastream.Map(by(in), func(s sample) sample {
			if rows.Add(1)%int64(pause) == 0 {
				time.Sleep(time.Millisecond)
			}
			return s
		}, plan.UID("slowly")))
	}
}

// Rows in flight that may go anywhere, or where a number says, go to one task of however many there are.
func TestSpreadUnaligned(t *testing.T) {
	for name, by := range map[string]func(datastream.Stream[sample]) datastream.Stream[sample]{
		"rebalance": func(s datastream.Stream[sample]) datastream.Stream[sample] { return datastream.Rebalance(s) },
		"rescale":   func(s datastream.Stream[sample]) datastream.Stream[sample] { return datastream.Rescale(s) },
		"by load":   func(s datastream.Stream[sample]) datastream.Stream[sample] { return datastream.RebalanceByLoad(s) },
		"by index": func(s datastream.Stream[sample]) datastream.Stream[sample] {
			return datastream.PartitionCustom(s, func(s sample) int32 { return int32(s.Key) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got *dataset.Result[sample]
			rescaleUnaligned(t, func(pause int) func(*plan.Job) { return spread(&got, by, pause) }, []int{2, 3})
			seen := map[int64]bool{}
			for _, s := range got.Records() {
				seen[s.Value] = true
			}
			if n := len(got.Records()); n != slowRows || len(seen) != slowRows {
				t.Errorf("%d rows, %d of them different, want %d", n, len(seen), slowRows)
			}
		})
	}
}

var errCrashed = errors.New("crashed by the test")

// rescaleUnaligned crashes a job, which pauses after so many rows, behind a checkpoint with rows in flight and begins it again with other tasks.
func rescaleUnaligned(t *testing.T, build func(pause int) func(*plan.Job), tasks []int) {
	t.Helper()
	o := runner.Options{Name: "crashed", BatchRows: 64} // a batch takes no longer than some checkpoints
	o.Streaming.Always = true
	o.Streaming.Checkpoints.Interval, o.Streaming.Checkpoints.AlignmentTimeout = 5*time.Millisecond, -1
	o.Streaming.Checkpoints.Folder = "file://" + t.TempDir()
	restored := 0
	for i, n := range tasks {
		o.Parallelism = n
		ctx, crash := context.WithCancelCause(t.Context())
		isLast := i == len(tasks)-1
		var watching errgroup.Group
		o.Running = func(c runner.Controls) {
			if r := c.Status().Checkpoints.Restored; r != nil && r.InFlightBytes > 0 {
				restored++
			}
			if isLast {
				return
			}
			watching.Go(func() error { // ends with the run
				for ctx.Err() == nil {
					checkpoints := c.Status().Checkpoints
					if last := checkpoints.LastComplete(); last != nil && last.InFlightBytes > 0 {
						crash(errCrashed)
					}
					time.Sleep(time.Millisecond)
				}
				return nil
			})
		}
		pause := 4 // it does not come to its end before it is crashed
		if isLast {
			pause = 256
		}
		_, err := runner.Run(ctx, build(pause), o)
		ended := ctx.Err() == nil
		crash(nil)
		if err2 := watching.Wait(); err2 != nil {
			t.Fatal(err2)
		}
		if ended && !isLast {
			t.Fatalf("the job ended without a checkpoint with rows in flight: %v", err)
		}
		if ended && err != nil {
			t.Fatal(err)
		}
		o.Streaming.From = runner.FromLatest
	}
	if restored == 0 {
		t.Error("nothing that was in flight was restored")
	}
}

// At least once, a job that is killed loses nothing; what comes twice is counted twice.
func TestKilledAtLeastOnce(t *testing.T) {
	for seed := range uint64(3) {
		killer := disturb.NewKiller(seed, 3, 100)
		o := killer.Options(1 + int(seed))
		o.Streaming.Checkpoints.AtLeastOnce, o.Streaming.Checkpoints.AlignmentTimeout = true, -1
		var got *dataset.Result[counted]
		if _, err := runner.Run(t.Context(), slow(&got, 256), o); err != nil {
			t.Fatal(err)
		}
		rows := map[int64]int64{}
		for i := range int64(slowRows) {
			rows[slowSample(i).Key%13]++
		}
		for _, r := range got.Records() {
			if group := r.Total.Key % 13; r.Before+1 >= rows[group] {
				delete(rows, group)
			}
		}
		if len(rows) > 0 {
			t.Errorf("seed %d: groups %v have not seen all of their rows", seed, rows)
		}
		if n := killer.Left(); n > 0 {
			t.Errorf("seed %d: %d kills did not come", seed, n)
		}
	}
}
