package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
)

// streamed are the queries of Nexmark that exist as jobs.
var streamed = []string{"q0", "q1", "q2", "q3", "q4", "q5", "q7", "q8"}

// nexmark runs the queries as streams with checkpoints, one after another in this process, after one that nobody counts.
func nexmark(in, out string) error {
	queries := streamed
	if names := os.Getenv("BENCH_QUERIES"); names != "" {
		queries = slices.DeleteFunc(strings.Split(names, ","), func(q string) bool { return !slices.Contains(streamed, q) })
	}
	passes, err := strconv.Atoi(cmp.Or(os.Getenv("BENCH_PASSES"), "1"))
	if err != nil {
		return fmt.Errorf("BENCH_PASSES: %w", err)
	}
	if _, err := auction("q0", in, ""); err != nil {
		return err
	}
	for pass := range passes {
		for _, q := range queries {
			start, cpu := time.Now(), processor()
			status := "ok"
			s, err := auction(q, in, out)
			if err != nil {
				status = "failed:" + strings.ReplaceAll(err.Error(), " ", "_")
			}
			fmt.Printf("BENCHQ %d %s %.3f %s cpu=%.2f\n", pass+1, q, time.Since(start).Seconds(), status, processor()-cpu)
			if s != nil {
				fmt.Fprintf(os.Stderr, "%s: %d checkpoints, the last of %d bytes\n", q, s.checkpoints, s.bytes)
			}
		}
	}
	return nil
}

// processor returns the seconds of CPU that the process has used.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// cuts is what is known of a run's checkpoints.
type cuts struct {
	checkpoints int
	bytes       int64
}

// auction runs a query over the events, at most BENCH_EVENTS of them, that BENCH_NEXMARK_SOURCE names: parquet or gen. With
// BENCH_NEXMARK_VERIFY=1 it leaves its results as OUT/qN.csv.
func auction(q, in, out string) (*cuts, error) {
	job := &jobs.Nexmark{Query: q, Mode: file.Append}
	if os.Getenv("BENCH_NEXMARK_SOURCE") == "gen" {
		events, err := strconv.ParseInt(cmp.Or(os.Getenv("BENCH_EVENTS"), "10000000"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("BENCH_EVENTS: %w", err)
		}
		job.Events = events
	} else {
		job.In = filepath.Join(in, "parquet2")
	}
	verify := out != "" && os.Getenv("BENCH_NEXMARK_VERIFY") == "1"
	if verify {
		job.Out = filepath.Join(out, "_parts-"+q)
	}
	ms, err := strconv.Atoi(cmp.Or(os.Getenv("BENCH_CHECKPOINT_MS"), "30000"))
	if err != nil {
		return nil, fmt.Errorf("BENCH_CHECKPOINT_MS: %w", err)
	}
	o := options(q)
	o.Streaming.Always = true
	o.Streaming.Checkpoints.Interval = time.Duration(ms) * time.Millisecond
	if ms == 0 {
		o.Streaming.Checkpoints.Interval = -1
	}
	var controls runner.Controls
	o.Running = func(c runner.Controls) { controls = c }
	if _, err := runner.Run(context.Background(), job.Build, o); err != nil {
		return nil, err
	}
	c := &cuts{}
	if controls != nil {
		made := controls.Status().Checkpoints
		c.checkpoints = made.Completed
		if last := made.LastComplete(); last != nil {
			c.bytes = last.Bytes
		}
	}
	if verify {
		return c, gather(q, job.Out, filepath.Join(out, q+".csv"))
	}
	return c, nil
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
