package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
)

// The files of a run's folder in the history. Which are there says how far the run came: the configuration is written before anything else,
// the plan when there is one, the summary at the end, the error only when there was one.
const (
	historySummary = "summary.json"
	historyPlan    = "plan.txt"
	historyConfig  = "config.yaml"
	historyLog     = "log"
	historyError   = "error"
	// historyPublishing is there while the run publishes, and when it could not publish everything.
	historyPublishing = "publishing.json"
)

// History is the folder of what runs left: one folder a run, named by its id, whose beginning is the time of its start.
type History struct{ Dir string }

// HistoryOf returns the history that the settings name.
func HistoryOf(s *Settings) History { return History{filepath.Join(s.StateDir, "history")} }

// Past is a run in the history.
type Past struct {
	ID      string
	Summary *Summary // nil: the run goes on, or its process ended before it could write one
}

// List returns the runs, the latest first: those of that job when job is not empty.
func (h History) List(job string) ([]Past, error) {
	entries, err := os.ReadDir(h.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var runs []Past
	for _, e := range slices.Backward(entries) {
		if !runID.MatchString(e.Name()) {
			continue
		}
		run := Past{ID: e.Name()}
		if run.Summary, err = h.summary(run.ID); err != nil {
			return nil, err
		}
		if job == "" || run.Summary != nil && run.Summary.Job == job {
			runs = append(runs, run)
		}
	}
	return runs, nil
}

func (h History) summary(id string) (*Summary, error) {
	data, err := os.ReadFile(filepath.Join(h.Dir, id, historySummary))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // a run without one is no error
	}
	if err != nil {
		return nil, err
	}
	s := &Summary{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("reading the summary of run %s: %w", id, err)
	}
	return s, nil
}

// find returns the folder of a run. id may be the beginning of one run's id. fs.ErrNotExist: there is none.
func (h History) find(id string) (string, error) {
	names, err := filepath.Glob(filepath.Join(h.Dir, globQuote.Replace(id)+"*"))
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "", fmt.Errorf("run %q in %s: %w", id, h.Dir, fs.ErrNotExist)
	case len(names) > 1:
		return "", fmt.Errorf("%q is the beginning of %d runs' ids", id, len(names))
	default:
		return names[0], nil
	}
}

// Show writes all that is known of a run to w. id may be the beginning of one run's id. fs.ErrNotExist: there is none.
func (h History) Show(w io.Writer, id string) error {
	dir, err := h.find(id)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n", dir)
	if s, err := h.summary(filepath.Base(dir)); err != nil {
		return err
	} else if s != nil {
		s.Print(w)
		fmt.Fprintln(w)
		if err := s.PrintStages(w); err != nil {
			return err
		}
	}
	for _, name := range []string{historyError, historyPlan, historyConfig, historyLog} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if len(data) > 0 {
			fmt.Fprintf(w, "\n--- %s\n%s", name, data)
		}
	}
	return nil
}

var (
	runID     = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}\.[0-9]{3}-[0-9a-f]{8}$`)
	globQuote = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)
)

// prune removes runs that began before the time.
func (h History) prune(before time.Time) error {
	entries, err := os.ReadDir(h.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	limit := before.UTC().Format(runIDTime)
	for _, e := range entries {
		if e.Name() >= limit {
			break // sorted by name, which is by time
		}
		if runID.MatchString(e.Name()) {
			if err := os.RemoveAll(filepath.Join(h.Dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// record is the folder of the run that goes on. Its methods keep the first error; a history that cannot be written does not fail the job.
type record struct {
	dir string
	log *os.File
	err error
}

// begin makes the folder of a run, with its configuration and an empty log.
func (h History) begin(id, config string, keepDays int) *record {
	r := &record{dir: filepath.Join(h.Dir, id)}
	r.keep(h.prune(time.Now().AddDate(0, 0, -keepDays)))
	if r.err != nil {
		return r
	}
	if r.err = os.MkdirAll(r.dir, 0o755); r.err != nil {
		return r
	}
	r.write(historyConfig, []byte(config))
	log, err := os.Create(filepath.Join(r.dir, historyLog))
	r.keep(err)
	if err == nil {
		r.log = log
	}
	return r
}

func (r *record) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *record) write(name string, data []byte) {
	if r.err == nil {
		r.err = os.WriteFile(filepath.Join(r.dir, name), data, 0o644)
	}
}

// plan writes a plan as text.
func (r *record) plan(logical *plan.Job, compiled *physical.Plan) {
	var b bytes.Buffer
	r.keep(Explain(&b, "text", logical, compiled))
	r.write(historyPlan, b.Bytes())
}

// Write adds to the log.
func (r *record) Write(p []byte) (int, error) {
	if r.log != nil {
		_, err := r.log.Write(p)
		r.keep(err)
	}
	return len(p), nil
}

// end writes the summary, and the error if there was one.
func (r *record) end(s *Summary, runErr error) error {
	if s != nil {
		data, err := json.MarshalIndent(s, "", "  ")
		r.keep(err)
		r.write(historySummary, append(data, '\n'))
	}
	if runErr != nil {
		r.write(historyError, []byte(detail(runErr)+"\n"))
	}
	if r.log != nil {
		r.keep(r.log.Close())
	}
	return r.err
}
