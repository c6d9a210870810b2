package runner

import (
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/internal/spill"
	"github.com/millrace/millrace/metrics"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/runner/worker"
)

// Summary is what a run did: it is printed, and kept in the history. Sizes are bytes, times seconds.
type Summary struct {
	Job        string           `json:"job"`
	RunID      string           `json:"run_id"`
	Started    time.Time        `json:"started"`
	Wall       float64          `json:"wall_s"`
	CPU        float64          `json:"cpu_s"`
	PeakRSS    int64            `json:"peak_rss_bytes"`
	Error      string           `json:"error,omitempty"`
	Stages     []StageSummary   `json:"stages"`
	Bad        []BadSummary     `json:"bad_records,omitempty"`
	Counters   map[string]int64 `json:"counters,omitempty"`
	Spilled    int64            `json:"spilled_bytes"`
	Shuffled   int64            `json:"shuffled_bytes"`
	Retries    int64            `json:"retries"`
	RowsIn     int64            `json:"rows_read"`
	BytesIn    int64            `json:"bytes_read"`
	Files      int              `json:"files_written"`
	Partitions int              `json:"partitions_written"`
	RowsOut    int64            `json:"rows_written"`
	BytesOut   int64            `json:"bytes_written"`
}

// StageSummary is one stage of a run.
type StageSummary struct {
	ID        int               `json:"id"`
	Tasks     int               `json:"tasks"`
	Wall      float64           `json:"wall_s"`
	Shuffled  int64             `json:"shuffled_bytes"` // written to the exchanges behind it
	Operators []OperatorSummary `json:"operators"`
}

// OperatorSummary is one operator of a stage, summed over its tasks.
type OperatorSummary struct {
	Name string `json:"name"`
	metrics.Values
	PerSecond int64             `json:"per_second,omitempty"` // records that came, while the stage was at work
	Functions []FunctionSummary `json:"functions,omitempty"`  // the user's that it runs together, in the order in which records pass them
}

// FunctionSummary is one function of the user's.
type FunctionSummary struct {
	Name      string `json:"name"` // of its node, with the call site
	RowsIn    int64  `json:"rows_in"`
	RowsOut   int64  `json:"rows_out"`
	PerSecond int64  `json:"per_second,omitempty"`
}

// newOperatorSummary makes of an operator's numbers what the summary says of it; wall is its stage's seconds.
func newOperatorSummary(name string, v metrics.Values, wall float64) OperatorSummary {
	s := OperatorSummary{Name: name, Values: v, PerSecond: perSecond(v.RowsIn, wall)}
	in := v.RowsIn
	for _, f := range v.Functions {
		s.Functions = append(s.Functions, FunctionSummary{f.Name, in, f.RowsOut, perSecond(in, wall)})
		in = f.RowsOut
	}
	return s
}

func perSecond(n int64, seconds float64) int64 {
	if seconds <= 0 {
		return 0
	}
	return int64(float64(n) / seconds)
}

// BadSummary counts the bad records of one node from one source.
type BadSummary struct {
	Node    string `json:"node"`
	Source  string `json:"source,omitempty"`
	Records int64  `json:"records"`
}

// Status is how far a run has come.
type Status struct {
	Elapsed time.Duration
	Stages  []StageStatus
	Spilled int64
}

// StageStatus is how far a stage has come.
type StageStatus struct {
	ID              int
	Name            string // its operators' names
	RowsIn, RowsOut int64
	BytesIn         int64
	TotalBytes      int64 // of a source stage; 0: unknown
	Splits          int
	Tasks, Done     int // tasks, and how many are done; 0: the stage has not begun
	Spilled         int64
	Elapsed         time.Duration // since it began, until it ended
}

// IsRunning says whether the stage has begun and not ended.
func (s StageStatus) IsRunning() bool { return s.Done < s.Tasks }

// totals holds what source stages have to read.
type totals struct {
	mu    sync.Mutex // guards known
	known map[int]connectors.Known
}

func (t *totals) set(stage int, k connectors.Known) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[int]connectors.Known{}
	}
	t.known[stage] = k
}

func (t *totals) get(stage int) connectors.Known {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known[stage]
}

// status reads how far the run has come.
func (r *run) status(counts map[worker.Place]metrics.Values) Status {
	s := Status{Elapsed: time.Since(r.started)}
	for _, stage := range r.plan.Stages {
		known := r.totals.get(stage.ID)
		st := StageStatus{ID: stage.ID, Name: stageName(stage), TotalBytes: known.Bytes, Splits: known.Splits}
		st.Tasks, st.Done, _ = r.tracker.of(stage.ID)
		st.Elapsed = r.tracker.elapsed(stage.ID)
		for i := range stage.Chain {
			v := counts[worker.Place{Stage: stage.ID, Op: i}]
			if i == 0 {
				st.RowsIn, st.BytesIn = v.RowsIn, v.BytesIn
			}
			st.RowsOut = v.RowsOut
			st.Spilled += v.Spilled
		}
		s.Spilled += st.Spilled
		s.Stages = append(s.Stages, st)
	}
	return s
}

func stageName(s *physical.Stage) string {
	name := ""
	for i, op := range s.Chain {
		if i > 0 && op.Node == s.Chain[i-1].Node {
			continue
		}
		if name != "" {
			name += " > "
		}
		name += op.Node.Name
	}
	return name
}

// summary says what the run did.
func (r *run) summary(published map[int]connectors.Published, counts map[worker.Place]metrics.Values, scratch *spill.Manager, err error) *Summary {
	s := &Summary{Job: r.options.Name, RunID: r.id, Started: r.started, Wall: time.Since(r.started).Seconds(), Retries: r.tracker.retried()}
	s.CPU, s.PeakRSS = usage()
	if err != nil {
		s.Error = err.Error()
	}
	if scratch != nil {
		s.Spilled = scratch.Stats().Bytes
	}
	for _, p := range published {
		s.Files += p.Files
		s.Partitions += p.Partitions
		s.RowsOut += p.Rows
		s.BytesOut += p.Bytes
	}
	if r.plan != nil {
		for _, stage := range r.plan.Stages {
			s.add(r.stageSummary(stage, counts), stage.IsSource())
		}
	}
	s.Bad = r.bad.summary()
	if r.counts != nil {
		s.Counters = r.counts()
	}
	return s
}

func (r *run) stageSummary(stage *physical.Stage, counts map[worker.Place]metrics.Values) StageSummary {
	s := StageSummary{ID: stage.ID}
	s.Tasks, _, s.Shuffled = r.tracker.of(stage.ID)
	s.Wall = r.tracker.elapsed(stage.ID).Seconds()
	for i, op := range stage.Chain {
		s.Operators = append(s.Operators, newOperatorSummary(op.Node.String(), counts[worker.Place{Stage: stage.ID, Op: i}], s.Wall))
	}
	return s
}

// add adds a stage and what it counts to the sums.
func (s *Summary) add(stage StageSummary, isSource bool) {
	s.Stages = append(s.Stages, stage)
	s.Shuffled += stage.Shuffled
	if isSource {
		s.RowsIn += stage.Operators[0].RowsIn
		s.BytesIn += stage.Operators[0].BytesIn
	}
	for _, op := range stage.Operators {
		for name, n := range op.User {
			if s.Counters == nil {
				s.Counters = map[string]int64{}
			}
			s.Counters[name] += n
		}
	}
}

// summary lists the bad records by node and source.
func (r *badRecords) summary() []BadSummary {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []BadSummary
	for _, c := range r.counts {
		for source, n := range c.bySource {
			out = append(out, BadSummary{Node: c.node.String(), Source: source, Records: n})
		}
	}
	slices.SortFunc(out, func(a, b BadSummary) int {
		if a.Node != b.Node {
			return strings.Compare(a.Node, b.Node)
		}
		return strings.Compare(a.Source, b.Source)
	})
	return out
}

// usage returns the process's CPU seconds and the largest resident memory so far.
func usage() (cpu float64, peak int64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime), u.Maxrss << 10
}
