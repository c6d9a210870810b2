package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/runner/task"
)

// Print writes the summary as a few lines for people.
func (s *Summary) Print(w io.Writer) {
	wall := time.Duration(s.Wall * float64(time.Second)).Round(time.Millisecond)
	if s.Error != "" {
		fmt.Fprintf(w, "%s failed after %s: %s\n", s.Job, wall, s.Error)
	} else {
		fmt.Fprintf(w, "%s complete in %s, %.2f s of CPU, %s of memory at most\n", s.Job, wall, s.CPU, budget.FormatSize(s.PeakRSS))
		fmt.Fprintf(w, "  read %d records, %s; wrote %d records, %s, in %s\n",
			s.RowsIn, budget.FormatSize(s.BytesIn), s.RowsOut, budget.FormatSize(s.BytesOut), s.places())
	}
	for _, line := range s.notable() {
		fmt.Fprintf(w, "  %s\n", line)
	}
}

// PrintStages writes what each operator, and each of the user's functions, took and gave, as a table for people.
func (s *Summary) PrintStages(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, stage := range s.Stages {
		wall := time.Duration(stage.Wall * float64(time.Second)).Round(time.Millisecond)
		fmt.Fprintf(t, "stage %d, %s, %s\trecords in\tout\tin a second\n", stage.ID, plural(int64(stage.Tasks), "task"), wall)
		for _, op := range stage.Operators {
			if len(op.Functions) == 0 {
				fmt.Fprintf(t, "  %s\t%d\t%d\t%s\n", op.Name, op.RowsIn, op.RowsOut, shortNumber(op.PerSecond))
			}
			for _, f := range op.Functions {
				fmt.Fprintf(t, "  %s\t%d\t%d\t%s\n", f.Name, f.RowsIn, f.RowsOut, shortNumber(f.PerSecond))
			}
		}
	}
	return t.Flush()
}

// places is "2 files" or "24 files of 12 partitions".
func (s *Summary) places() string {
	files := plural(int64(s.Files), "file")
	if s.Partitions > 1 {
		files += " of " + plural(int64(s.Partitions), "partition")
	}
	return files
}

// notable is what is worth saying only when there is some of it.
func (s *Summary) notable() []string {
	var lines []string
	add := func(n int64, format string, args ...any) {
		if n > 0 {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	add(s.Spilled, "spilled %s", budget.FormatSize(s.Spilled))
	for _, b := range s.Bad {
		where := b.Node
		if b.Source != "" {
			where = b.Source + ", " + where
		}
		add(b.Records, "%s in %s", plural(b.Records, "bad record"), where)
	}
	add(s.Retries, "%s of tasks", plural(s.Retries, "retry"))
	for _, name := range slices.Sorted(maps.Keys(s.Counters)) {
		lines = append(lines, fmt.Sprintf("%s %d", name, s.Counters[name]))
	}
	return lines
}

func plural(n int64, word string) string {
	switch {
	case n == 1:
		return "1 " + word
	case strings.HasSuffix(word, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(word, "y"))
	default:
		return fmt.Sprintf("%d %ss", n, word)
	}
}

func (s *Summary) printJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

func (s *Summary) setError(err error) {
	if s.Error = ""; err != nil {
		s.Error = err.Error()
	}
}

// detail is an error with all that is known about it: for the log and the history.
func detail(err error) string {
	if p, ok := errors.AsType[*task.PanicError](err); ok {
		return fmt.Sprintf("%v\n%s", err, p.Stack)
	}
	return err.Error()
}
