package status

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/millrace/millrace/internal/budget"
)

// WriteText writes the job for people: what it is, its nodes, what holds watermarks back, its splits, its last checkpoints.
func (j *Job) WriteText(w io.Writer, now time.Time) error {
	var b bytes.Buffer
	j.writeHead(&b, now)
	j.writeNodes(&b, now)
	j.writeHeld(&b, now)
	j.writeSplits(&b, now)
	j.writeCheckpoints(&b, now)
	for line := range bytes.Lines(b.Bytes()) { // tables leave blanks where the last cell is empty
		if _, err := fmt.Fprintf(w, "%s\n", bytes.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

func (j *Job) writeHead(b *bytes.Buffer, now time.Time) {
	fmt.Fprintf(b, "%s  %s since %s (%s)\n", j.Name, j.State, clockTime(j.Since, now), ShortDuration(now.Sub(j.Since)))
	fmt.Fprintf(b, "  run %s, started %s, process %d on %s, %s, parallelism %d\n",
		j.RunID, clockTime(j.Started, now), j.Process.PID, j.Process.Host, j.Process.Master, j.Process.Parallelism)
	if j.Error != "" {
		fmt.Fprintf(b, "  error: %s\n", j.Error)
	}
	if j.Restarts > 0 {
		fmt.Fprintf(b, "  restarts: %d", j.Restarts)
		if f := j.LastFailure; f != nil {
			fmt.Fprintf(b, ", the last %s ago: %s: %s", ShortDuration(now.Sub(f.At)), f.Task, f.Error)
		}
		fmt.Fprintln(b)
	}
	in, inRate := j.RowsIn()
	out, outRate := j.RowsOut()
	fmt.Fprintf(b, "  records: %s in, %s; %s out, %s", ShortNumber(in), perSecond(inRate), ShortNumber(out), perSecond(outRate))
	if lag, ok := j.Lag(); ok {
		fmt.Fprintf(b, "; lag %s", ShortNumber(lag))
	}
	fmt.Fprintln(b)
	if nodes := j.InBacklog(); len(nodes) > 0 {
		fmt.Fprintf(b, "  in backlog: %s\n", strings.Join(nodes, ", "))
	}
	if w := j.Watermark(); w != nil {
		fmt.Fprintf(b, "  watermark: %s, %s\n", w.Format(time.RFC3339Nano), behind(*w, now))
	}
}

func table(b *bytes.Buffer, head string) *tabwriter.Writer {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(b, "\n")
	fmt.Fprintln(t, head)
	return t
}

func (j *Job) writeNodes(b *bytes.Buffer, now time.Time) {
	if len(j.Nodes) == 0 {
		return
	}
	t := table(b, "NODE\tUID\tTASKS\tIN\tIN/S\tOUT\tOUT/S\tBUSY\tIDLE\tBACKPRESSURED\tSTATE\tWATERMARK")
	for _, n := range j.Nodes {
		watermark := ""
		switch {
		case n.Ended:
			watermark = "ended"
		case n.Watermark != nil:
			watermark = behind(*n.Watermark, now)
		}
		state := ""
		if n.State > 0 {
			state = budget.FormatSize(n.State)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.Name, n.UID, n.Tasks, ShortNumber(n.RowsIn), perSecond(n.Rates.In),
			ShortNumber(n.RowsOut), perSecond(n.Rates.Out), percent(n.Rates.Busy), percent(n.Rates.Idle), percent(n.Rates.Backpressured), state, watermark)
	}
	_ = t.Flush() // to memory
}

func (j *Job) writeHeld(b *bytes.Buffer, now time.Time) {
	for _, n := range j.Nodes {
		if n.Held != nil && !j.readsHeld(&n) {
			fmt.Fprintf(b, "\nthe watermark of %s has stood still for %s, held back by %s: %s\n",
				n.Name, ShortDuration(now.Sub(n.Held.Since)), n.Held.By, n.Held.Reason)
		}
	}
}

// readsHeld says whether a node reads from one whose watermark stands still: the reason is to be found there.
func (j *Job) readsHeld(n *Node) bool {
	return slices.ContainsFunc(j.Nodes, func(in Node) bool { return in.Held != nil && slices.Contains(n.Inputs, in.ID) })
}

func (j *Job) writeSplits(b *bytes.Buffer, now time.Time) {
	var t *tabwriter.Writer
	for _, n := range j.Nodes {
		for _, s := range n.Splits {
			if t == nil {
				t = table(b, "SPLIT\tNODE\tTASK\tLAG\tWATERMARK\tLAST RECORD")
			}
			lag, watermark, last := "", "", ""
			if s.Lag != nil {
				lag = ShortNumber(*s.Lag)
			}
			if s.Watermark != nil {
				watermark = behind(*s.Watermark, now)
			}
			if s.Idle {
				watermark += " idle"
			}
			if s.Paused {
				watermark += " paused"
			}
			if s.LastRow != nil {
				last = ShortDuration(now.Sub(*s.LastRow)) + " ago"
			}
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", s.ID, n.Name, s.Task, lag, watermark, last)
		}
	}
	if t != nil {
		_ = t.Flush() // to memory
	}
}

func (j *Job) writeCheckpoints(b *bytes.Buffer, now time.Time) {
	c := &j.Checkpoints
	if c.Restored != nil {
		fmt.Fprintf(b, "\nwent on from %s %d, %s\n", c.Restored.Kind, c.Restored.ID, c.Restored.URL)
	}
	if c.Completed+c.Failed == 0 && len(c.Last) == 0 {
		return
	}
	fmt.Fprintf(b, "\ncheckpoints: %d complete, %d failed\n", c.Completed, c.Failed)
	t := table(b, "ID\tKIND\tOUTCOME\tSTARTED\tTOOK\tWRITTEN\tSTATE")
	for _, l := range c.Last {
		took := seconds(l.Duration)
		if l.State == InProgress {
			took = ShortDuration(now.Sub(l.Started)) + " so far"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Kind, l.outcome(), clockTime(l.Started, now), took,
			budget.FormatSize(l.Bytes), budget.FormatSize(l.StateBytes))
	}
	_ = t.Flush() // to memory
	for _, l := range c.Last {
		if l.Error != "" {
			fmt.Fprintf(b, "%s %d: %s\n", l.Kind, l.ID, l.Error)
		}
	}
}

func (c *Checkpoint) outcome() string {
	if c.Unaligned {
		return fmt.Sprintf("%s, unaligned, %s in flight", c.State, budget.FormatSize(c.InFlightBytes))
	}
	return string(c.State)
}
