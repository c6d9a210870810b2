package chaos_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/chaos"
	"github.com/millrace/millrace/internal/fault"
)

// tester tries seeds with a job.
type tester interface {
	Lines() int
	Try(ctx context.Context, seed uint64) (chaos.Result, error)
}

// trials are jobs that are tried, each with every so manieth seed.
type trials struct {
	flag  string // says how many seeds
	seeds int
	jobs  []trial
	rows  []row
	took  time.Duration
}

// trial is a job that is tried. tester runs it undisturbed.
type trial struct {
	name   string
	tester func(*testing.T) (tester, error)
}

// row is what became of a job: its line of the report.
type row struct {
	seeds, different, failed int
	lines                    int
	total                    fault.Counts
}

// run tries all jobs, side by side.
func (a *trials) run(t *testing.T) {
	t.Helper()
	a.rows = make([]row, len(a.jobs))
	began := time.Now()
	t.Run("jobs", func(t *testing.T) {
		for i, job := range a.jobs {
			t.Run(job.name, func(t *testing.T) {
				t.Parallel()
				tester, err := job.tester(t)
				if err != nil {
					t.Fatal(err)
				}
				r := &a.rows[i]
				r.lines, r.total = tester.Lines(), fault.Counts{}
				for n := i; n < a.seeds && (*within == 0 || time.Since(began) < *within); n += len(a.jobs) {
					seed := *first + uint64(n)
					r.try(t, tester, seed, fmt.Sprintf("go test ./internal/chaos -run '%s$' -%s %d -seed %d -faults %s",
						t.Name(), a.flag, len(a.jobs), seed-uint64(i), *faults))
				}
				t.Log(r.total)
			})
		}
	})
	a.took = time.Since(began)
}

// try tries a seed; again is how to do it again.
func (r *row) try(t *testing.T, tester tester, seed uint64, again string) {
	t.Helper()
	result, err := tester.Try(t.Context(), seed)
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

// sum adds the rows up.
func (a *trials) sum() row {
	all := row{total: fault.Counts{}}
	for _, r := range a.rows {
		all.seeds += r.seeds
		all.different += r.different
		all.failed += r.failed
		all.total.Add(r.total)
	}
	return all
}

// require fails the test when less has taken place, per seed, than what least says: then it has tested too little.
func (a *trials) require(t *testing.T, least map[fault.Event]float64) {
	t.Helper()
	all := a.sum()
	if all.seeds < 4 { // some are tried again
		return
	}
	for event, perSeed := range least {
		if n := all.total[event]; float64(n) < perSeed*float64(all.seeds) {
			t.Errorf("%d seeds have had %d %s, which is less than %g for each", all.seeds, n, event, perSeed)
		}
	}
}

// report adds a table to the file for it.
func (a *trials) report(t *testing.T, title string, columns ...fault.Event) {
	t.Helper()
	if *report == "" {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s. Measured on %s with %s, %s/%s, %d processors, in %v. Faults: %s; seeds from %d.\n\n", title, time.Now().UTC().Format(time.DateOnly),
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), a.took.Round(time.Second), *faults, *first)
	b.WriteString("| Job | Lines | Seeds |")
	for _, c := range columns {
		fmt.Fprintf(&b, " %s%s |", strings.ToUpper(string(c[:1])), c[1:])
	}
	b.WriteString(" Different | Not ended |\n|---|" + strings.Repeat("--:|", len(columns)+4) + "\n")
	for i, r := range a.rows {
		b.WriteString(r.line(a.jobs[i].name, fmt.Sprint(r.lines), columns))
	}
	b.WriteString(a.sum().line("all", "", columns) + "\n")
	f, err := os.OpenFile(*report, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // the error of writing is told
	if _, err := f.WriteString(b.String()); err != nil {
		t.Fatal(err)
	}
}

// line is a row of a table.
func (r row) line(name, lines string, columns []fault.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s | %d |", name, lines, r.seeds)
	for _, c := range columns {
		fmt.Fprintf(&b, " %d |", r.total[c])
	}
	fmt.Fprintf(&b, " %d | %d |\n", r.different, r.failed)
	return b.String()
}
