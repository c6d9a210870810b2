package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/internal/chaos"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

var (
	seeds  = flag.Int("seeds", 50, "seeds to try in all")
	first  = flag.Uint64("seed", 1, "the first seed")
	faults = flag.String("faults", chaos.Join(chaos.All()), "kinds of faults")
	within = flag.Duration("within", 0, "no seed is begun after that; 0: however long they take")
	where  = flag.String("state", "", "back end of keyed state: heap, lsm; default: drawn by the seed")

	processSeeds = flag.Int("processes", 2, "seeds to try with each program")

	report = flag.String("report", "", "file for a table of what was tried")
)

func TestMain(m *testing.M) {
	becomeProgram()
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// row is a job's line of the report.
type row struct {
	seeds, different, failed int
	lines                    int
	total                    chaos.Counts
}

// Under faults of every kind that jobs must survive, each job writes what it writes undisturbed.
func TestExactlyOnce(t *testing.T) {
	kinds, err := chaos.ParseFaults(*faults)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	all := underTest(books(t))
	rows := make([]row, len(all))
	t.Run("jobs", func(t *testing.T) {
		for i, job := range all {
			t.Run(job.Name, func(t *testing.T) {
				t.Parallel()
				tester, err := chaos.New(t.Context(), job, chaos.Options{Scratch: t.TempDir(), Faults: kinds, State: runner.StateBackend(*where)})
				if err != nil {
					t.Fatal(err)
				}
				r := &rows[i]
				r.lines = tester.Lines()
				for n := i; n < *seeds && (*within == 0 || time.Since(began) < *within); n += len(all) {
					r.try(t, tester, *first+uint64(n), i)
				}
				t.Log(r.total)
			})
		}
	})
	if *report == "" {
		return
	}
	if err := os.WriteFile(*report, []byte(table(all, rows, time.Since(began))), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *row) try(t *testing.T, tester *chaos.Tester, seed uint64, job int) {
	t.Helper()
	result, err := tester.Try(t.Context(), seed)
	again := fmt.Sprintf("go test ./internal/chaos -run '%s' -seeds 8 -seed %d -faults %s", t.Name(), seed-uint64(job), *faults)
	if err != nil {
		r.failed++
		t.Errorf("%v\n%s", err, again)
	}
	if result.Difference != "" {
		r.different++
		t.Errorf("seed %d: %s\n%s\n%s", seed, result.Difference, result.Counts, again)
	}
	r.seeds++
	r.total.Add(result.Counts)
}

// table is the report, as Markdown.
func table(all []chaos.Job, rows []row, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s with %s, %s/%s, %d processors, in %v. Faults: %s; seeds from %d.\n\n", time.Now().UTC().Format(time.DateOnly),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), took.Round(time.Second), *faults, *first)
	b.WriteString("| Job | Lines | Seeds | Runs | Kills | Failed calls | Slow calls | Rescales | Aborts | Damaged | Different | Not ended |\n")
	b.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	var sum row
	for i, r := range rows {
		b.WriteString(r.line(all[i].Name, fmt.Sprint(r.lines)))
		sum.seeds += r.seeds
		sum.different += r.different
		sum.failed += r.failed
		sum.total.Add(r.total)
	}
	b.WriteString(sum.line("all", ""))
	return b.String()
}

func (r row) line(name, lines string) string {
	c := r.total
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n",
		name, lines, r.seeds, c.Runs, c.Kills, c.Failed, c.Delayed, c.Rescales, c.Aborts, c.Damaged, r.different, r.failed)
}

// A job that keeps its count where no checkpoint has it is found out.
func TestForgetful(t *testing.T) {
	var n atomic.Int64
	job := fixed("forgetful", func(out string) func(*plan.Job) {
		n.Store(0)
		return func(job *plan.Job) {
			numbered := datastream.Map(source(job), func(reading) counted { return counted{0, n.Add(1)} })
			datastream.Write(numbered, file.Sink[counted]{Path: out, Format: csv.Format[counted]{}}, plan.UID("out"))
		}
	})
	tester, err := chaos.New(t.Context(), job, chaos.Options{Scratch: t.TempDir(), Faults: []chaos.Fault{chaos.Kill, chaos.Abort}})
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
