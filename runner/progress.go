package runner

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/budget"
)

// logEvery is the time between two log lines about progress where there is no terminal.
const logEvery = 10 * time.Second

// drawProgress returns a Progress function that draws a line per stage that has begun. width is the terminal's, in columns.
func drawProgress(c *console, width func() int) func(Status) {
	return func(s Status) {
		var b bytes.Buffer
		for _, stage := range s.Stages {
			if stage.Tasks > 0 {
				fmt.Fprintln(&b, cut(progressLine(stage), width()-1))
			}
		}
		c.draw(b.Bytes())
	}
}

// progressLine is "stage 0  Read > FlatMap   61%  640 MiB of 1 GiB  12.3M records  4.1M/s  spilled 10 MiB".
func progressLine(s StageStatus) string {
	parts := []string{fmt.Sprintf("stage %d  %s", s.ID, s.Name)}
	switch {
	case s.TotalBytes > 0:
		done := min(s.BytesIn, s.TotalBytes)
		parts = append(parts, fmt.Sprintf("%3d%%", 100*done/s.TotalBytes), budget.FormatSize(done)+" of "+budget.FormatSize(s.TotalBytes))
	default:
		parts = append(parts, fmt.Sprintf("%d of %d tasks", s.Done, s.Tasks))
	}
	parts = append(parts, shortNumber(s.RowsIn)+" records")
	parts = append(parts, shortNumber(s.perSecond())+"/s")
	if s.Spilled > 0 {
		parts = append(parts, "spilled "+budget.FormatSize(s.Spilled))
	}
	return strings.Join(parts, "  ")
}

// perSecond returns the records read in a second.
func (s StageStatus) perSecond() int64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return int64(float64(s.RowsIn) / s.Elapsed.Seconds())
}

// cut shortens a line to at most width runes.
func cut(line string, width int) string {
	runes := []rune(line)
	if width < 1 || len(runes) <= width {
		return line
	}
	return string(runes[:width])
}

// shortNumber is 12.3M for 12345678: three or four digits of it.
func shortNumber(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}} {
		if n >= unit.size {
			size := unit.size
			if unit.name == "k" {
				size = 1e3
			}
			return strconv.FormatFloat(float64(n)/float64(size), 'f', 1, 64) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// logProgress returns a Progress function that logs a line per unfinished stage now and then.
func logProgress(log *slog.Logger, every time.Duration) func(Status) {
	var last time.Duration
	return func(s Status) {
		if s.Elapsed-last < every {
			return
		}
		last = s.Elapsed
		for _, stage := range s.Stages {
			if stage.IsRunning() {
				log.Info("progress", "stage", stage.ID, "operators", stage.Name, "bytes", stage.BytesIn, "of", stage.TotalBytes,
					"records", stage.RowsIn, "per_second", stage.perSecond(), "spilled", stage.Spilled)
			}
		}
	}
}
