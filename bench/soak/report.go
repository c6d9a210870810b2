package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Bounds of the verdict. Resident memory goes up and down with the collector's pace: a collection that falls into a checkpoint finds its buffers live,
// and lets the heap grow to several times that before the next one.
const (
	// growth is how much of its median a job's memory may grow by over the second half of the time. Less than three standard errors are chance.
	growth = 0.05
	// growthAcross is the same from one process of the killed job to the next, over all but the first.
	growthAcross = 0.10
	// warmingUp is the age from which a process's memory counts.
	warmingUp = 3 * time.Minute
)

// writeReport writes what is known so far.
func (d *driver) writeReport() error {
	var b strings.Builder
	verdict := "**flat memory**"
	problems := d.problems()
	if len(problems) > 0 {
		verdict = "**not flat, or wrong**: " + strings.Join(problems, "; ")
	}
	fmt.Fprintf(&b, "# Soak\n\n%v. Verdict: %s.\n\n", d.seen().Round(time.Second), verdict)
	fmt.Fprintf(&b, "Windows, timers, keyed state with a time to live, rolling files; exactly-once checkpoints every 5 s to a local folder; memory limit 512 MiB.\n")
	for _, s := range []*subject{d.steady, d.killed} {
		s.report(&b)
	}
	if err := os.MkdirAll(filepath.Dir(d.report), 0o755); err != nil {
		return err
	}
	return os.WriteFile(d.report, []byte(b.String()), 0o644)
}

// seen is how long the jobs have been looked at.
func (d *driver) seen() time.Duration {
	if len(d.steady.samples) == 0 {
		return 0
	}
	return d.steady.samples[len(d.steady.samples)-1].After
}

// reportOf writes the report of samples that a run has left, and judges.
func reportOf(samples, file string) error {
	text, err := os.ReadFile(samples)
	if err != nil {
		return err
	}
	d := &driver{schedule: schedule{report: file}, steady: &subject{name: "steady"}, killed: &subject{name: "killed"}}
	jobs := map[string]*subject{d.steady.name: d.steady, d.killed.name: d.killed}
	for line := range strings.Lines(strings.TrimPrefix(string(text), sampleHead)) {
		if err := takeLine(line, jobs); err != nil {
			return err
		}
	}
	return d.judge()
}

// problems says what is not as it has to be.
func (d *driver) problems() (out []string) {
	for _, s := range []*subject{d.steady, d.killed} {
		out = append(out, s.output.wrong...)
		if s.output.windows == 0 {
			out = append(out, fmt.Sprintf("no window of %s has been added up yet", s.name))
		}
	}
	rise, chance, median := rise(secondHalf(d.steady.samples))
	if rise > max(growth*median, 3*chance) {
		out = append(out, fmt.Sprintf("the steady job's memory rises by %.1f MiB over the second half", rise/(1<<20)))
	}
	rise, median = riseAcross(d.killed.processes())
	if rise > growthAcross*median {
		out = append(out, fmt.Sprintf("the memory of the killed job's processes rises by %.1f MiB from the second to the last", rise/(1<<20)))
	}
	return out
}

func secondHalf(all []sample) []sample { return all[len(all)/2:] }

// rise returns by how many bytes the samples' resident memory rises, by the line of least squares, the standard error of that, and the memory's median.
func rise(of []sample) (rise, chance, median float64) {
	var x, y []float64
	for _, s := range of {
		x, y = append(x, s.After.Seconds()), append(y, float64(s.RSS))
	}
	if len(x) < 3 {
		return 0, 0, 1
	}
	b, length := slope(x, y), x[len(x)-1]-x[0]
	return b * length, slopeError(x, y, b) * length, medianOf(y)
}

// slopeError is the standard error of the slope b of the line of least squares, for samples that do not depend on each other.
func slopeError(x, y []float64, b float64) float64 {
	n := float64(len(x))
	var mx, my, rest, xx float64
	for i := range x {
		mx, my = mx+x[i]/n, my+y[i]/n
	}
	for i := range x {
		r := y[i] - my - b*(x[i]-mx)
		rest, xx = rest+r*r, xx+(x[i]-mx)*(x[i]-mx)
	}
	if xx == 0 {
		return 0
	}
	return math.Sqrt(rest / (n - 2) / xx)
}

// floors returns the least heap that was seen in each sixth of the time: what is live, whatever the collector's pace.
func floors(of []sample) (out []int64) {
	const parts = 6
	for i := range parts {
		least := int64(0)
		for _, s := range of[i*len(of)/parts : (i+1)*len(of)/parts] {
			if h := s.Innards.Heap; h > 0 && (least == 0 || h < least) {
				least = h
			}
		}
		out = append(out, least)
	}
	return out
}

// slope is that of the line of least squares.
func slope(x, y []float64) float64 {
	var mx, my, xy, xx float64
	for i := range x {
		mx, my = mx+x[i]/float64(len(x)), my+y[i]/float64(len(x))
	}
	for i := range x {
		xy, xx = xy+(x[i]-mx)*(y[i]-my), xx+(x[i]-mx)*(x[i]-mx)
	}
	if xx == 0 {
		return 0
	}
	return xy / xx
}

func medianOf(y []float64) float64 {
	y = slices.Sorted(slices.Values(y))
	return y[len(y)/2]
}

// processOf is what was seen of one process of a job.
type processOf struct {
	incarnation, samples int
	rss                  float64 // median, when it was warm
	last                 sample
}

// processes returns those that lived long enough to be warm.
func (s *subject) processes() (out []processOf) {
	for n := 1; n <= s.incarnation; n++ {
		var rss []float64
		p := processOf{incarnation: n}
		for _, x := range s.samples {
			if x.Incarnation == n && x.Age >= warmingUp {
				rss, p.last, p.samples = append(rss, float64(x.RSS)), x, p.samples+1
			}
		}
		if len(rss) > 0 {
			p.rss = medianOf(rss)
			out = append(out, p)
		}
	}
	return out
}

// riseAcross returns by how many bytes memory rises from the second process to the last, and its median. The first has begun without state.
func riseAcross(all []processOf) (rise, median float64) {
	if len(all) < 3 {
		return 0, 0
	}
	var x, y []float64
	for i, p := range all[1:] {
		x, y = append(x, float64(i)), append(y, p.rss)
	}
	return slope(x, y) * float64(len(x)-1), medianOf(y)
}

// shown is how many lines the table of a job has at most.
const shown = 24

// report writes a job's part.
func (s *subject) report(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n", s.name)
	if len(s.samples) == 0 {
		return
	}
	last := s.samples[len(s.samples)-1]
	fmt.Fprintf(b, "%d windows added up, each with its clicks; %d wrong. %d processes", s.output.windows, len(s.output.wrong), s.incarnation)
	if len(s.restores) > 0 {
		fmt.Fprintf(b, "; from the start after a kill until all tasks run %v at most", slices.Max(s.restores).Round(time.Millisecond))
	}
	fmt.Fprintf(b, ".\nCheckpoints of the last process: %d complete, %d failed; of those sampled the longest took %v.\n", last.Completed, last.Failed, s.longest())
	if rise, chance, median := rise(secondHalf(s.samples)); s.incarnation == 1 {
		fmt.Fprintf(b, "Resident memory over the second half: median %.1f MiB; the line of least squares rises by %+.1f MiB, with a standard error of %.1f.\n",
			median/(1<<20), rise/(1<<20), chance/(1<<20))
		b.WriteString("Least heap seen in each sixth of the time, MiB:")
		for _, n := range floors(s.samples) {
			fmt.Fprintf(b, " %.1f", float64(n)/(1<<20))
		}
		b.WriteString(".\n")
	} else {
		rise, median := riseAcross(s.processes())
		fmt.Fprintf(b, "Resident memory by process, each warm: median %.1f MiB, %+.1f MiB from the second to the last.\n", median/(1<<20), rise/(1<<20))
		s.reportProcesses(b)
	}
	b.WriteString("\n| after | process | RSS, MiB | heap, MiB | goroutines | files | CPU, % of a core | rows/s | checkpoint, ms | its KiB | output, MiB | checkpoints, MiB | scratch, MiB | other state, MiB |\n")
	b.WriteString("|" + strings.Repeat("---|", 14) + "\n")
	every := max(1, (len(s.samples)+shown-1)/shown)
	for i := every - 1; i < len(s.samples); i += every {
		s.row(b, i, every)
	}
}

// row writes a sample; shares and rates are since the row before.
func (s *subject) row(b *strings.Builder, i, every int) {
	x := s.samples[i]
	share, rate := "-", "-"
	if i >= every && s.samples[i-every].Incarnation == x.Incarnation {
		before := s.samples[i-every]
		took := (x.After - before.After).Seconds()
		share, rate = fmt.Sprintf("%.1f", 100*(x.CPU-before.CPU).Seconds()/took), fmt.Sprintf("%.0f", float64(x.Rows-before.Rows)/took)
	}
	mib := func(n int64) float64 { return float64(n) / (1 << 20) }
	fmt.Fprintf(b, "| %v | %d | %.1f | %.1f | %d | %d | %s | %s | %d | %d | %.2f | %.1f | %.1f | %.2f |\n", x.After.Round(time.Second), x.Incarnation, mib(x.RSS),
		mib(x.Innards.Heap), x.Innards.Goroutines, x.Files, share, rate, x.Checkpoint.Milliseconds(), x.Bytes>>10, mib(x.Output), mib(x.Checkpoints), mib(x.Scratch), mib(x.State))
}

func (s *subject) reportProcesses(b *strings.Builder) {
	b.WriteString("\n| process | samples | RSS, MiB | goroutines at its end | files |\n|---|---|---|---|---|\n")
	for _, p := range s.processes() {
		fmt.Fprintf(b, "| %d | %d | %.1f | %d | %d |\n", p.incarnation, p.samples, p.rss/(1<<20), p.last.Innards.Goroutines, p.last.Files)
	}
}

// longest returns the longest checkpoint that was the last one when somebody looked.
func (s *subject) longest() (most time.Duration) {
	for _, x := range s.samples {
		most = max(most, x.Checkpoint)
	}
	return most
}
