package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
)

// typed are the queries of TPC-H that exist as typed jobs.
var typed = []int{1, 3, 6}

// defaultPasses is how often each query is run where BENCH_PASSES says nothing.
const defaultPasses = 3

// tpch runs the queries, all of them BENCH_PASSES times, in this process.
func tpch(in, out string) error {
	passes := defaultPasses
	if n, err := strconv.Atoi(os.Getenv("BENCH_PASSES")); err == nil {
		passes = n
	}
	for pass := range passes {
		for _, q := range wanted() {
			start := time.Now()
			status := "ok"
			if err := query(q, in, out); err != nil {
				status = "failed:" + strings.ReplaceAll(err.Error(), " ", "_")
			}
			fmt.Printf("BENCHQ %d q%02d %.4f %s\n", pass, q, time.Since(start).Seconds(), status)
		}
	}
	return nil
}

// wanted returns the typed queries that BENCH_QUERIES names; all without it.
func wanted() []int {
	names := os.Getenv("BENCH_QUERIES")
	if names == "" {
		return typed
	}
	var out []int
	for name := range strings.SplitSeq(names, ",") {
		n, err := strconv.Atoi(strings.TrimLeft(name, "q0"))
		if err == nil && slices.Contains(typed, n) {
			out = append(out, n)
		}
	}
	return out
}

// query runs a query and leaves its result as qNN.csv.
func query(q int, in, out string) error {
	folder := filepath.Join(out, "_parts")
	job := &jobs.TPCH{Query: q, In: in, Out: folder, Mode: file.Overwrite}
	if _, err := runner.Run(context.Background(), job.Build, options("tpch")); err != nil {
		return err
	}
	parts, err := filepath.Glob(filepath.Join(folder, "part-*"))
	if err != nil {
		return err
	}
	return concatenate(filepath.Join(out, fmt.Sprintf("q%02d.csv", q)), parts)
}

func concatenate(to string, parts []string) error {
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	for _, name := range parts {
		r, err := os.Open(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, r)
		_ = r.Close()
		if err != nil {
			return err
		}
	}
	return w.Close()
}
