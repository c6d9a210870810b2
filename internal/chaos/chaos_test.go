package chaos_test

import (
	"flag"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/internal/chaos"
	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/internal/testkit/subject"
	"github.com/millrace/millrace/runner"
)

var (
	seeds        = flag.Int("seeds", 50, "seeds to try in this process, in all")
	processSeeds = flag.Int("processes", 64, "seeds to try with processes, in all")
	first        = flag.Uint64("seed", 1, "the first seed")
	faults       = flag.String("faults", fault.Join(chaos.All()), "kinds of faults")
	within       = flag.Duration("within", 0, "no seed is begun after that; 0: however long they take")
	where        = flag.String("state", "", "back end of keyed state: heap, lsm; default: drawn by the seed")
	report       = flag.String("report", "", "file that a table of what was tried is added to")
)

func TestMain(m *testing.M) {
	becomeProgram()
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// kinds returns the faults that are tried.
func kinds(t *testing.T) []fault.Kind {
	t.Helper()
	kinds, err := fault.Parse(*faults, chaos.All())
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// Under faults of every kind that jobs must survive, each job writes what it writes undisturbed.
func TestExactlyOnce(t *testing.T) {
	trials := trials{flag: "seeds", seeds: *seeds}
	for _, job := range underTest(books(t, 5_000)) {
		trials.jobs = append(trials.jobs, trial{job.Name, func(t *testing.T) (tester, error) {
			t.Helper()
			o := chaos.Options{Scratch: t.TempDir(), Faults: kinds(t), State: runner.StateBackend(*where)}
			return chaos.New(t.Context(), job, o)
		}})
	}
	trials.run(t)
	if slices.Equal(kinds(t), chaos.All()) {
		trials.require(t, map[fault.Event]float64{
			chaos.Runs: 1.5, chaos.Kills: 1, chaos.FailedCalls: 0.5, chaos.SlowCalls: 0.5, chaos.Rescales: 0.1, chaos.Aborts: 0.3, chaos.Damages: 0.02,
		})
	}
	trials.report(t, "In one process", chaos.Runs, chaos.Kills, chaos.FailedCalls, chaos.SlowCalls, chaos.FailedRuns, chaos.Rescales, chaos.Aborts, chaos.Damages)
}

// A job that keeps its count where no checkpoint has it is found out.
func TestForgetful(t *testing.T) {
	job := fixed(forgetful, numbered(size))
	tester, err := chaos.New(t.Context(), job, chaos.Options{Scratch: t.TempDir(), Faults: []fault.Kind{chaos.Kill, chaos.Abort}})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(10) {
		result, err := tester.Try(t.Context(), seed)
		if err != nil {
			t.Fatal(err)
		}
		if result.Difference != "" {
			return
		}
	}
	t.Error("ten seeds have not found it")
}

// size is that of jobs in this process.
var size = subject.Size{Rows: 30_000, Timed: 8_000, Keys: 97, Alarm: 5 * time.Millisecond, Roll: file.Rolling{Size: 64 << 10, Every: 20 * time.Millisecond}}
