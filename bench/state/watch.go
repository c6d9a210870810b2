package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/status"
)

// watch looks at the process while the job runs.
type watch struct {
	recorder *recorder

	mu          sync.Mutex // guards all below
	controls    runner.Controls
	samples     []sample
	checkpoints []status.Checkpoint // that have ended, by number
}

// sample is how much of the processors the process had used by then.
type sample struct {
	at  time.Time
	cpu time.Duration
	rss int64
}

const sampleEvery = 50 * time.Millisecond

func (w *watch) running(c runner.Controls) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.controls = c
}

// start looks until stop is called, or ctx ends.
func (w *watch) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { // ends with ctx
		defer close(ended)
		t := time.NewTicker(sampleEvery)
		defer t.Stop()
		for ctx.Err() == nil {
			w.look()
			select {
			case <-t.C:
			case <-ctx.Done():
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// look takes a sample and notes the checkpoints that have ended.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples = append(w.samples, sample{time.Now(), cpuTime(), memory("VmRSS")})
	if w.controls == nil || len(w.samples)%10 != 0 {
		return
	}
	for _, c := range w.controls.Status().Checkpoints.Last {
		known := slices.ContainsFunc(w.checkpoints, func(k status.Checkpoint) bool { return k.ID == c.ID })
		if c.State != status.InProgress && !known {
			w.checkpoints = append(w.checkpoints, c)
		}
	}
}

// cpuTime is the processor time of the process.
func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// memory returns a line of /proc/self/status in bytes.
func memory(name string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64) // of another form: none
			return kb * 1024
		}
	}
	return 0
}

// cpuBetween is the processor time from one moment to another, as far as samples tell.
func (w *watch) cpuBetween(from, to time.Time) (cpu, wall time.Duration) {
	i, _ := slices.BinarySearchFunc(w.samples, from, func(s sample, t time.Time) int { return s.at.Compare(t) })
	k, _ := slices.BinarySearchFunc(w.samples, to, func(s sample, t time.Time) int { return s.at.Compare(t) })
	i, k = max(0, i-1), min(k, len(w.samples)-1)
	return w.samples[k].cpu - w.samples[i].cpu, w.samples[k].at.Sub(w.samples[i].at)
}

// quiet is the part of a processor that the job takes without a checkpoint.
func (w *watch) quiet() float64 {
	from := w.recorder.began
	var cpu, wall time.Duration
	for _, c := range w.checkpoints {
		if c.Started.After(from) {
			a, b := w.cpuBetween(from, c.Started)
			cpu, wall = cpu+a, wall+b
		}
		if end := endOf(c); end.After(from) {
			from = end
		}
	}
	if from.Before(w.recorder.last) {
		a, b := w.cpuBetween(from, w.recorder.last)
		cpu, wall = cpu+a, wall+b
	}
	return float64(cpu) / float64(max(wall, 1))
}

func endOf(c status.Checkpoint) time.Time {
	return c.Started.Add(time.Duration(c.Duration * float64(time.Second)))
}

// print writes what was seen.
func (w *watch) print(s settings) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	took := r.last.Sub(r.began)
	q := r.quantiles(0.5, 0.99, 0.999, 1)
	fmt.Fprintf(&b, "%s: %d keys, %d updates in %.1f s: %.0f a second, %.2f processors without a checkpoint\n", s.backend, s.keys, r.rows, took.Seconds(),
		float64(r.rows)/took.Seconds(), w.quiet())
	fmt.Fprintf(&b, "late: p50 %s, p99 %s, p99.9 %s, at most %s\n", millis(q[0]), millis(q[1]), millis(q[2]), millis(q[3]))
	fmt.Fprintf(&b, "gaps in what comes: p99 %s, p99.9 %s, at most %s, %.1f s after the beginning\n",
		millis(r.gapsWithin(0.99)), millis(r.gapsWithin(0.999)), millis(r.gap), r.gapAt.Seconds())
	fmt.Fprintf(&b, "memory: %.2f GB at most\n", float64(memory("VmHWM"))/1e9)
	failed := 0
	for _, c := range w.checkpoints {
		if c.State != status.Complete {
			failed++
			fmt.Fprintf(&b, "checkpoint %d failed: %s\n", c.ID, c.Error)
			continue
		}
		cpu, wall := w.cpuBetween(c.Started, endOf(c))
		fmt.Fprintf(&b, "checkpoint %d at %6.1f s: %5.2f s, wrote %6.1f MB of %6.1f MB, %5.2f s of a processor, %.2f GB of memory\n", c.ID,
			c.Started.Sub(r.began).Seconds(), c.Duration, float64(c.Bytes)/1e6, float64(c.StateBytes)/1e6, cpu.Seconds()-w.quiet()*wall.Seconds(),
			float64(w.memoryBetween(c.Started, endOf(c)))/1e9)
	}
	fmt.Fprintf(&b, "checkpoints: %d complete, %d failed, one due every %s\n", len(w.checkpoints)-failed, failed, s.interval)
	_, err := os.Stdout.WriteString(b.String())
	return err
}

// memoryBetween is the most memory in a stretch of time.
func (w *watch) memoryBetween(from, to time.Time) (most int64) {
	for _, s := range w.samples {
		if !s.at.Before(from) && !s.at.After(to) {
			most = max(most, s.rss)
		}
	}
	return most
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
