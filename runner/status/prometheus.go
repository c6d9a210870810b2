package status

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MetricsType is the media type of what WriteMetrics writes.
const MetricsType = "text/plain; version=0.0.4; charset=utf-8"

// WriteMetrics writes the job's numbers in Prometheus' text exposition format 0.0.4. Names begin with millrace_; every sample has the label
// job, those of nodes node and uid, those of splits split. Times are in seconds.
func (j *Job) WriteMetrics(w io.Writer) error {
	e := exposition{job: j.Name}
	e.family("job_state", "gauge", "1 for the state that the job is in.")
	for _, s := range []State{Created, Running, Restarting, Finishing, Finished, Stopped, Failed, Cancelled} {
		e.sample(truth(s == j.State), "state", string(s))
	}
	e.family("job_started_seconds", "gauge", "When the job was started, since 1970.")
	e.sample(unix(j.Started))
	e.family("job_restarts_total", "counter", "Restarts after failures.")
	e.sample(float64(j.Restarts))
	e.checkpoints(&j.Checkpoints)
	for _, f := range nodeFamilies {
		e.nodes(j.Nodes, f)
	}
	e.counters(j.Nodes)
	e.splits(j.Nodes)
	_, err := w.Write(e.text.Bytes())
	return err
}

// nodeFamily is a metric that nodes have. known is false for nodes without it.
type nodeFamily struct {
	name, kind, help string
	value            func(*Node) (v float64, known bool)
}

var nodeFamilies = []nodeFamily{
	{"records_in_total", "counter", "Records that have come in.", func(n *Node) (float64, bool) { return float64(n.RowsIn), true }},
	{"records_out_total", "counter", "Records that have gone out.", func(n *Node) (float64, bool) { return float64(n.RowsOut), true }},
	{"bytes_in_total", "counter", "Bytes that have come in.", func(n *Node) (float64, bool) { return float64(n.BytesIn), true }},
	{"bytes_out_total", "counter", "Bytes that have gone out.", func(n *Node) (float64, bool) { return float64(n.BytesOut), true }},
	{"bad_records_total", "counter", "Records that could not be decoded or that a function refused.", func(n *Node) (float64, bool) { return float64(n.Bad), true }},
	{"spilled_bytes_total", "counter", "Bytes written to scratch files.", func(n *Node) (float64, bool) { return float64(n.Spilled), true }},
	{"busy_seconds_total", "counter", "Time at work, summed over the tasks.", func(n *Node) (float64, bool) { return n.Time.Busy.Seconds(), true }},
	{"idle_seconds_total", "counter", "Time waiting for input, summed over the tasks.", func(n *Node) (float64, bool) { return n.Time.Idle.Seconds(), true }},
	{"backpressured_seconds_total", "counter", "Time waiting for room in outputs, summed over the tasks.", func(n *Node) (float64, bool) { return n.Time.Backpressured.Seconds(), true }},
	{"tasks", "gauge", "Parallel instances.", func(n *Node) (float64, bool) { return float64(n.Tasks), true }},
	{"state_bytes", "gauge", "Keyed state in memory.", func(n *Node) (float64, bool) { return float64(n.State), true }},
	{"watermark_seconds", "gauge", "Event time that results are complete up to, since 1970.", func(n *Node) (float64, bool) { return known(n.Watermark) }},
	{"watermark_held_seconds", "gauge", "Since when the watermark stands still, since 1970.", func(n *Node) (float64, bool) {
		if n.Held == nil {
			return 0, false
		}
		return unix(n.Held.Since), true
	}},
	{"in_backlog", "gauge", "1 of a source that works off what was there before it comes to what is new.", func(n *Node) (float64, bool) {
		return truth(n.InBacklog), len(n.Inputs) == 0
	}},
}

func known(t *time.Time) (float64, bool) {
	if t == nil {
		return 0, false
	}
	return unix(*t), true
}

// exposition is the text as it grows.
type exposition struct {
	text bytes.Buffer
	job  string
	name string // of the family begun last
}

func (e *exposition) family(name, kind, help string) {
	e.name = "millrace_" + name
	fmt.Fprintf(&e.text, "# HELP %s %s\n# TYPE %s %s\n", e.name, help, e.name, kind)
}

// sample adds a sample of the family; labels are names and values in turn.
func (e *exposition) sample(v float64, labels ...string) {
	fmt.Fprintf(&e.text, "%s{job=\"%s\"", e.name, quoteLabel.Replace(e.job))
	for i := 0; i < len(labels); i += 2 {
		fmt.Fprintf(&e.text, ",%s=\"%s\"", labels[i], quoteLabel.Replace(labels[i+1]))
	}
	fmt.Fprintf(&e.text, "} %s\n", strconv.FormatFloat(v, 'g', -1, 64))
}

var quoteLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func (e *exposition) nodes(nodes []Node, f nodeFamily) {
	e.family(f.name, f.kind, f.help)
	for i := range nodes {
		if v, ok := f.value(&nodes[i]); ok {
			e.sample(v, nodeLabels(&nodes[i])...)
		}
	}
}

func nodeLabels(n *Node) []string {
	return []string{"node", n.Name, "id", strconv.Itoa(n.ID), "uid", n.UID}
}

// counters writes the user's counters.
func (e *exposition) counters(nodes []Node) {
	e.family("user_counter_total", "counter", "What the job's functions count.")
	for i := range nodes {
		for _, name := range slices.Sorted(maps.Keys(nodes[i].Counters)) {
			e.sample(float64(nodes[i].Counters[name]), append(nodeLabels(&nodes[i]), "counter", name)...)
		}
	}
}

func (e *exposition) splits(nodes []Node) {
	e.family("split_lag", "gauge", "Records or bytes of a split that are there and not read yet.")
	for i := range nodes {
		for _, s := range nodes[i].Splits {
			if s.Lag != nil {
				e.sample(float64(*s.Lag), append(nodeLabels(&nodes[i]), "split", s.ID)...)
			}
		}
	}
	e.family("split_paused", "gauge", "1 of a split that waits for slower ones of its alignment group.")
	for i := range nodes {
		for _, s := range nodes[i].Splits {
			if s.Paused {
				e.sample(1, append(nodeLabels(&nodes[i]), "split", s.ID)...)
			}
		}
	}
	e.family("split_watermark_seconds", "gauge", "Event time that a split has come to, since 1970.")
	for i := range nodes {
		for _, s := range nodes[i].Splits {
			if v, ok := known(s.Watermark); ok {
				e.sample(v, append(nodeLabels(&nodes[i]), "split", s.ID)...)
			}
		}
	}
}

func (e *exposition) checkpoints(c *Checkpoints) {
	e.family("checkpoints_total", "counter", "Checkpoints and savepoints by outcome.")
	e.sample(float64(c.Completed), "outcome", "complete")
	e.sample(float64(c.Failed), "outcome", "failed")
	last := c.LastComplete()
	if last == nil {
		return
	}
	for _, f := range []struct {
		name, help string
		value      float64
	}{
		{"checkpoint_last_seconds", "When the last complete checkpoint was complete, since 1970.", unix(last.end())},
		{"checkpoint_last_duration_seconds", "How long it took.", last.Duration},
		{"checkpoint_last_bytes", "What was written for it.", float64(last.Bytes)},
		{"checkpoint_last_state_bytes", "The whole state that it holds.", float64(last.StateBytes)},
		{"checkpoint_last_in_flight_bytes", "What was on its way between tasks.", float64(last.InFlightBytes)},
	} {
		e.family(f.name, "gauge", f.help)
		e.sample(f.value)
	}
}

// truth is 1 of true.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
