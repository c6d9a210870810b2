// Package status is what a running job tells about itself: plain data, with its JSON form and its forms for people ([Job.Line], [Job.WriteText])
// and for Prometheus ([Job.WriteMetrics]).
//
// The runtime fills in counters and times as they are; [Meter] makes rates and shares of what two looks at them differ by. Times are UTC, sizes
// bytes, durations seconds. The JSON is part of the REST API (runner/rest): fields are added, not renamed.
//
// Stability: public.
package status

import (
	"slices"
	"time"
)

// Job is a job at one moment.
type Job struct {
	Name        string      `json:"name"`
	RunID       string      `json:"run_id"` // of this process's run; a job that goes on from a checkpoint has a new one
	State       State       `json:"state"`
	Since       time.Time   `json:"since"` // when it came into State
	Started     time.Time   `json:"started"`
	Error       string      `json:"error,omitempty"` // why it has failed
	Restarts    int         `json:"restarts"`
	LastFailure *Failure    `json:"last_failure,omitempty"`
	Nodes       []Node      `json:"nodes"` // inputs before those that read them
	Checkpoints Checkpoints `json:"checkpoints"`
	// MaxParallelism is the largest parallelism that it can be given: the number of key groups of its state; 0: any, or not known.
	MaxParallelism int       `json:"max_parallelism,omitempty"`
	Process        Process   `json:"process"`
	Config         []Setting `json:"config,omitempty"` // with secrets masked
}

// State is where a job is in its life.
type State string

// The states. A job is created, runs, is perhaps restarted again and again, and ends in one of the last four.
const (
	Created    State = "created"    // its process is there; nothing runs yet
	Running    State = "running"    // all tasks run
	Restarting State = "restarting" // after a failure
	Finishing  State = "finishing"  // it has been told to stop, or its input has ended; the last checkpoint is being made
	Finished   State = "finished"   // its input has come to its end
	Stopped    State = "stopped"    // by a savepoint or checkpoint that it can go on from
	Failed     State = "failed"
	Cancelled  State = "cancelled"
)

// IsEnd says whether a job in that state does nothing more.
func (s State) IsEnd() bool {
	return slices.Contains([]State{Finished, Stopped, Failed, Cancelled}, s)
}

// Failure is a failure that the job survived.
type Failure struct {
	At    time.Time `json:"at"`
	Task  string    `json:"task,omitempty"` // "stage 1 task 2 attempt 0"
	Error string    `json:"error"`
}

// Process is where a job's coordinator runs, and how.
type Process struct {
	PID         int    `json:"pid"`
	Host        string `json:"host"`
	Master      string `json:"master"`
	Parallelism int    `json:"parallelism"`
}

// Setting is a setting and where its value comes from.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// Normalise makes lists that are nil empty, and times UTC: as JSON has them.
func (j *Job) Normalise() {
	j.Since, j.Started = j.Since.UTC(), j.Started.UTC()
	if j.Nodes == nil {
		j.Nodes = []Node{}
	}
	for i := range j.Nodes {
		if n := &j.Nodes[i]; n.Inputs == nil {
			n.Inputs = []int{}
		}
	}
	if j.Checkpoints.Last == nil {
		j.Checkpoints.Last = []Checkpoint{}
	}
}

// RowsIn returns the records that the job's sources have read, and how many a second.
func (j *Job) RowsIn() (n int64, perSecond float64) {
	for i := range j.Nodes {
		if node := &j.Nodes[i]; len(node.Inputs) == 0 {
			n += node.RowsIn
			perSecond += node.Rates.In
		}
	}
	return n, perSecond
}

// RowsOut returns the records that have come to the job's ends, its sinks, and how many a second.
func (j *Job) RowsOut() (n int64, perSecond float64) {
	for i := range j.Nodes {
		if node := &j.Nodes[i]; !j.isRead(node.ID) {
			n += node.RowsIn
			perSecond += node.Rates.In
		}
	}
	return n, perSecond
}

func (j *Job) isRead(id int) bool {
	return slices.ContainsFunc(j.Nodes, func(n Node) bool { return slices.Contains(n.Inputs, id) })
}

// Watermark returns the least watermark of the job's nodes: what all results up to are there. nil: none has one.
func (j *Job) Watermark() *time.Time {
	var least *time.Time
	for i := range j.Nodes {
		if w := j.Nodes[i].Watermark; w != nil && (least == nil || w.Before(*least)) {
			least = w
		}
	}
	return least
}

// HeldBack returns the node whose watermark has stood still for the longest time. nil: none does.
func (j *Job) HeldBack() *Node {
	var longest *Node
	for i := range j.Nodes {
		if n := &j.Nodes[i]; n.Held != nil && (longest == nil || n.Held.Since.Before(longest.Held.Since)) {
			longest = n
		}
	}
	return longest
}

// InBacklog returns the sources that work off what was there before they come to what is new: meanwhile checkpoints may be rarer.
func (j *Job) InBacklog() (nodes []string) {
	for i := range j.Nodes {
		if j.Nodes[i].InBacklog {
			nodes = append(nodes, j.Nodes[i].Name)
		}
	}
	return nodes
}

// Lag returns by how many records or bytes the job's splits are behind in all. ok is false when no source knows.
func (j *Job) Lag() (lag int64, ok bool) {
	for i := range j.Nodes {
		for _, s := range j.Nodes[i].Splits {
			if s.Lag != nil {
				lag, ok = lag+*s.Lag, true
			}
		}
	}
	return lag, ok
}
