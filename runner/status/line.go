package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/budget"
)

// Line is the job in one line: "clicks running  12.3k/s in  980/s out  watermark 12:03:04 (3.2s behind)  lag 4.5M  checkpoint 17, 4.0s ago, 120ms,
// 3.2 MiB  restarts 1". What is not known or is nothing is left out.
func (j *Job) Line(now time.Time) string {
	_, in := j.RowsIn()
	_, out := j.RowsOut()
	parts := []string{j.Name + " " + string(j.State), perSecond(in) + " in", perSecond(out) + " out"}
	if w := j.Watermark(); w != nil {
		parts = append(parts, fmt.Sprintf("watermark %s (%s)", clockTime(*w, now), behind(*w, now)))
	}
	if n := j.HeldBack(); n != nil {
		parts = append(parts, "held back "+ShortDuration(now.Sub(n.Held.Since))+" by "+n.Held.By)
	}
	if lag, ok := j.Lag(); ok {
		parts = append(parts, "lag "+ShortNumber(lag))
	}
	if len(j.InBacklog()) > 0 {
		parts = append(parts, "in backlog")
	}
	if c := j.Checkpoints.LastComplete(); c != nil {
		parts = append(parts, fmt.Sprintf("%s %d, %s ago, %s, %s", c.Kind, c.ID, ShortDuration(now.Sub(c.end())), seconds(c.Duration), budget.FormatSize(c.Bytes)))
	}
	if n := j.Checkpoints.FailedInARow(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d failed since", n))
	}
	if j.Restarts > 0 {
		parts = append(parts, fmt.Sprintf("restarts %d", j.Restarts))
	}
	return strings.Join(parts, "  ")
}

// behind is "3.2s behind", or "5.0s ahead" of a watermark in the future.
func behind(w, now time.Time) string {
	if d := now.Sub(w); d >= 0 {
		return ShortDuration(d) + " behind"
	}
	return ShortDuration(w.Sub(now)) + " ahead"
}
