package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
)

// vandal damages, once, the scratch files of an edge, when the stage behind it takes its first turn.
type vandal struct {
	dir    string
	edge   int
	stage  int
	damage func(path string) error
	once   sync.Once
	hit    int // files damaged
	mu     sync.Mutex
	ran    []control.Attempt
}

func (v *vandal) probe(a control.Attempt) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Contains(v.ran, a) {
		v.ran = append(v.ran, a)
	}
	if a.Stage != v.stage {
		return nil
	}
	var err error
	v.once.Do(func() {
		paths, _ := filepath.Glob(filepath.Join(v.dir, "*", fmt.Sprintf("*edge-%d-of-*-task-0-*", v.edge)))
		for _, path := range paths {
			v.hit++
			err = errors.Join(err, v.damage(path))
		}
	})
	return err
}

// flip changes a byte in the middle of a file.
func flip(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return nil
	}
	data[len(data)/2] ^= 1
	return os.WriteFile(path, data, 0o600) // the same file, for readers that have it open
}

func truncate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()/2)
}

// TestLostScratch damages what lies between stages in mid-job: it is made again, and the result is right.
func TestLostScratch(t *testing.T) {
	const rows, groups = 400_000, 200_000
	type pair = dataset.Keyed[int64, int64]
	key := func(p pair) int64 { return p.Key }
	pairs := func(job *plan.Job) dataset.DataSet[pair] {
		return dataset.Generate(job, rows, func(i int64) pair { return pair{Key: i * 7919 % groups, Value: 1} })
	}
	sums := func(d dataset.DataSet[pair]) dataset.DataSet[pair] {
		value := agg.Sum(func(p pair) int64 { return p.Value })
		return dataset.Aggregate(dataset.GroupBy(d, key), value, func(k, n int64) pair { return pair{Key: k, Value: n} })
	}
	sorted := func(d dataset.DataSet[pair]) dataset.DataSet[pair] { return dataset.Sort(d, key, dataset.Ascending) }
	jobs := map[string]struct {
		build       func(job *plan.Job) dataset.DataSet[pair]
		edge, stage int
		merged      bool
	}{
		"hash":          {build: func(job *plan.Job) dataset.DataSet[pair] { return sums(pairs(job)) }, edge: 0, stage: 1},
		"ranges":        {build: func(job *plan.Job) dataset.DataSet[pair] { return sums(sorted(pairs(job))) }, edge: 0, stage: 1, merged: true},
		"second of two": {build: func(job *plan.Job) dataset.DataSet[pair] { return sums(sorted(pairs(job))) }, edge: 1, stage: 2},
	}
	for name, job := range jobs {
		for how, damage := range map[string]func(string) error{"flipped": flip, "cut": truncate, "removed": os.Remove} {
			if job.merged && how == "removed" {
				continue // a merge opens its files when the task is made, and reads them though they have no name any more
			}
			t.Run(name+" "+how, func(t *testing.T) {
				dir := t.TempDir()
				v := &vandal{dir: dir, edge: job.edge, stage: job.stage, damage: damage}
				sink := &memorySink[pair]{}
				s, err := runner.Run(t.Context(), func(j *plan.Job) { dataset.Write(job.build(j), sink) }, runner.Options{
					Parallelism: 2, Memory: 2 << 20, Scratch: dir, Probe: v.probe,
				})
				if err != nil {
					t.Fatal(err)
				}
				if v.hit == 0 || s.Retries == 0 {
					t.Fatalf("%d files were damaged, %d attempts repeated", v.hit, s.Retries)
				}
				if !slices.Contains(v.ran, control.Attempt{Stage: job.stage - 1, Task: 0, Number: 1}) {
					t.Errorf("the producer did not run again; these ran: %v", v.ran)
				}
				got := sink.committed
				slices.SortFunc(got, func(a, b pair) int { return int(a.Key - b.Key) })
				if len(got) != groups {
					t.Fatalf("%d groups, want %d", len(got), groups)
				}
				for i, p := range got {
					if p.Key != int64(i) || p.Value != rows/groups {
						t.Fatalf("group %d is %+v", i, p)
					}
				}
			})
		}
	}
}

// TestLostScratchForGood damages what lies between stages whenever it has been made: the job fails, and says what it could not read.
func TestLostScratchForGood(t *testing.T) {
	dir := t.TempDir()
	probe := func(a control.Attempt) error {
		if a.Stage != 1 {
			return nil
		}
		paths, _ := filepath.Glob(filepath.Join(dir, "*", "*edge-0-of-*"))
		for _, path := range paths {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		dataset.Collect(dataset.CountByKey(dataset.GroupBy(dataset.Generate(job, 100_000, func(i int64) int64 { return i }), func(n int64) int64 { return n })))
	}, runner.Options{Parallelism: 2, Memory: 1 << 20, Scratch: dir, Probe: probe})
	var lost *control.LostError
	if !errors.As(err, &lost) || !strings.Contains(err.Error(), "edge 0 of stage 0 task") || runner.ExitCode(err) != runner.ExitSurroundings {
		t.Errorf("the error is %v, the exit code %d", err, runner.ExitCode(err))
	}
	if errors.Is(err, context.Canceled) {
		t.Error("the error is about the cancelling")
	}
}
