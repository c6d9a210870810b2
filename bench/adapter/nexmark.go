package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/status"
)

// streamed are the queries of Nexmark that exist as jobs.
var streamed = []string{"q0", "q1", "q2", "q3", "q4", "q5", "q7", "q8"}

// nexmark runs the queries as streams with checkpoints, one after another in this process, after one that nobody counts. With BENCH_SECONDS each
// lasts at least so long.
func nexmark(in, out string) error {
	queries := streamed
	if names := os.Getenv("BENCH_QUERIES"); names != "" {
		queries = slices.DeleteFunc(strings.Split(names, ","), func(q string) bool { return !slices.Contains(streamed, q) })
	}
	passes, err := number("BENCH_PASSES", 1)
	if err != nil {
		return err
	}
	m := &market{in: in}
	if m.events, err = number("BENCH_EVENTS", 10_000_000); err != nil {
		return err
	}
	if m.every, err = number("BENCH_CHECKPOINT_MS", 30_000); err != nil {
		return err
	}
	rounds, err := number("BENCH_ROUNDS", 1)
	if err != nil {
		return err
	}
	seconds, err := number("BENCH_SECONDS", 0)
	if err != nil {
		return err
	}
	if _, err := m.run("q0", 1); err != nil {
		return err
	}
	m.out = out
	for pass := range passes {
		for _, q := range queries {
			s, err := m.last(q, rounds, seconds)
			outcome := "ok"
			if err != nil {
				outcome = "failed:" + strings.ReplaceAll(err.Error(), " ", "_")
			}
			fmt.Printf("BENCHQ %d %s %.3f %s cpu=%.2f events=%d checkpoints=%d bytes=%s\n",
				pass+1, q, s.seconds, outcome, s.cpu, s.events, len(s.checkpoints), s.sizes())
		}
	}
	return nil
}

// number returns a number from the environment.
func number(name string, otherwise int64) (int64, error) {
	text := os.Getenv(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return n, nil
}

// processor returns the seconds of CPU that the process has used.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// market is where the events come from, and where results go.
type market struct {
	in, out string
	events  int64 // in the files, or to be made
	every   int64 // milliseconds between checkpoints; 0: none
}

// sitting is what a run of a query was like.
type sitting struct {
	seconds, cpu float64
	events       int64
	checkpoints  map[int64]int64 // complete ones: their bytes by number
}

// sizes lists the bytes of the checkpoints in their order.
func (s *sitting) sizes() string {
	text := make([]string, 0, len(s.checkpoints))
	for _, id := range slices.Sorted(maps.Keys(s.checkpoints)) {
		text = append(text, strconv.FormatInt(s.checkpoints[id], 10))
	}
	return cmp.Or(strings.Join(text, ","), "-")
}

// last runs a query over more and more rounds of the events, until a run lasts that many seconds, and returns that one. The first runs, which tell
// how many rounds it takes, are short.
func (m *market) last(q string, rounds, seconds int64) (*sitting, error) {
	for {
		s, err := m.run(q, rounds)
		if err != nil || s.seconds >= float64(seconds) {
			return s, err
		}
		factor := 1.15 * float64(seconds) / s.seconds
		if factor > 20 {
			factor = 8
		}
		rounds = int64(float64(rounds)*factor) + 1
	}
}

// run runs a query over the events that BENCH_NEXMARK_SOURCE names: parquet or gen. With BENCH_NEXMARK_VERIFY=1 it leaves its results as OUT/qN.csv.
func (m *market) run(q string, rounds int64) (*sitting, error) {
	job := &jobs.Nexmark{Query: q, Mode: file.Append, Events: m.events}
	if os.Getenv("BENCH_NEXMARK_SOURCE") == "gen" {
		job.Events *= rounds
	} else {
		job.In, job.Rounds = filepath.Join(m.in, "parquet2"), int(rounds)
	}
	verify := m.out != "" && os.Getenv("BENCH_NEXMARK_VERIFY") == "1"
	if verify {
		job.Out = filepath.Join(m.out, "_parts-"+q)
	}
	o := options(q)
	o.Streaming.Always = true
	o.Streaming.Checkpoints.Interval = time.Duration(m.every) * time.Millisecond
	if m.every == 0 {
		o.Streaming.Checkpoints.Interval = -1
	}
	s := &sitting{events: m.events * rounds, checkpoints: map[int64]int64{}}
	look := &looker{checkpoints: s.checkpoints, end: make(chan struct{})}
	o.Running = func(c runner.Controls) { look.wait.Go(func() { look.at(c) }) }
	start, cpu := time.Now(), processor()
	_, err := runner.Run(context.Background(), job.Build, o)
	s.seconds, s.cpu = time.Since(start).Seconds(), processor()-cpu
	close(look.end)
	look.wait.Wait()
	if err == nil && verify {
		err = gather(q, job.Out, filepath.Join(m.out, q+".csv"))
	}
	return s, err
}

// looker notes complete checkpoints: a job's status has only the last ones.
type looker struct {
	checkpoints map[int64]int64
	end         chan struct{}
	wait        sync.WaitGroup
}

// at looks every second until the end, and once more.
func (l *looker) at(c runner.Controls) {
	for ended := false; !ended; {
		select {
		case <-l.end:
			ended = true
		case <-time.After(time.Second):
		}
		for _, made := range c.Status().Checkpoints.Last {
			if made.State == status.Complete {
				l.checkpoints[made.ID] = made.Bytes
			}
		}
	}
}

// gather puts the lines of a query's results into one file, with times as the kit writes them; of query 4 the last of each category.
func gather(q, folder, to string) error {
	parts, err := filepath.Glob(filepath.Join(folder, "*.csv"))
	if err != nil {
		return err
	}
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	last := map[string]string{}
	for _, name := range parts {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(data)) {
			line = kitTimes(strings.TrimSuffix(line, "\n"))
			category, _, _ := strings.Cut(line, ",")
			last[category] = line
			if q != "q4" {
				fmt.Fprintln(out, line)
			}
		}
	}
	if q == "q4" {
		for _, line := range last {
			fmt.Fprintln(out, line)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return w.Close()
}

// kitTimes writes the times of a line as "2006-01-02 15:04:05.000".
func kitTimes(line string) string {
	fields := strings.Split(line, ",")
	for i, f := range fields {
		if t, err := time.Parse("2006-01-02T15:04:05.999999", f); err == nil {
			fields[i] = t.Format("2006-01-02 15:04:05.000")
		}
	}
	return strings.Join(fields, ",")
}
