// Command adapter runs the benchmark kit's workloads on Millrace: EXE WORKLOAD IN OUT, as bench/README.md says.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// workloads has the program of each workload that is one job.
func workloads(in, out string) map[string]func(*plan.Job) {
	return map[string]func(*plan.Job){
		"wordcount": wordCount(in, out),
		"sort":      sorted(in, out),
		"hello":     hello,

		"groupby-int-1k":    grouped(in, out, "k_1k"),
		"groupby-int-1m":    grouped(in, out, "k_1m"),
		"groupby-string-1k": grouped(in, out, "s_1k"),
		"groupby-string-1m": grouped(in, out, "s_1m"),

		"join": joined(in, out),
		"scan": scanned(in, out),
		"csv":  parsed(in, out),
	}
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: bench-millrace WORKLOAD IN OUT")
		os.Exit(2)
	}
	if err := measure(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// measure runs a workload and prints its seconds. BENCH_PROFILE names a file for a CPU profile.
func measure(workload, in, out string) error {
	stop, err := profile(os.Getenv("BENCH_PROFILE"))
	if err != nil {
		return err
	}
	defer stop()
	start := time.Now()
	if workload == "tpch" {
		err := tpch(in, out)
		fmt.Printf("BENCH seconds=%.3f\n", time.Since(start).Seconds())
		return err
	}
	if workload == "nexmark" {
		err := nexmark(in, out)
		fmt.Printf("BENCH seconds=%.3f\n", time.Since(start).Seconds())
		return err
	}
	if workload == "latency" { // whoever sends knows the seconds
		return latency(in, out)
	}
	if workload == "latency-within" {
		err := latencyWithin()
		fmt.Printf("BENCH seconds=%.3f\n", time.Since(start).Seconds())
		return err
	}
	build, ok := workloads(in, out)[workload]
	if !ok {
		return fmt.Errorf("unknown workload %q", workload)
	}
	s, err := runner.Run(context.Background(), build, options(workload))
	if err != nil {
		return err
	}
	fmt.Printf("BENCH seconds=%.3f\n", time.Since(start).Seconds())
	fmt.Fprintf(os.Stderr, "cpu %.2f s, peak %d MB, spilled %d\n", s.CPU, s.PeakRSS>>20, s.Spilled)
	return nil
}

func options(name string) runner.Options {
	o := runner.Options{Name: name, Parallelism: 2, Govern: true}
	if n, err := strconv.Atoi(os.Getenv("BENCH_PARALLELISM")); err == nil {
		o.Parallelism = n
	}
	if n, err := strconv.ParseInt(os.Getenv("BENCH_MEMORY"), 10, 64); err == nil {
		o.Memory = n
	}
	return o
}

func profile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}
