// Limits are hand-written, single-purpose programs for the batch workloads: what this machine could do at
// best, in Go, to judge the engines by. Each knows its input's types, its query and its number of groups.
//
//	limits groupby-int-1k|groupby-int-1m|groupby-string-1k|groupby-string-1m IN OUT [THREADS]
//	limits join IN OUT [THREADS]
//	limits scan IN OUT [THREADS]
//	limits csv  IN OUT [THREADS]
//	limits latency IN OUT
//
// csv reads the same CSV files as the engines; the others read raw columns instead of Parquet (see columns.go),
// so they bound the operator and not the decoding. latency reads and writes unix sockets. Word count and sort have their limits in C, in folder c.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

// A job reads the folder in and writes its result to the folder out with that many goroutines.
type job func(in, out string, threads int) error

func jobs() map[string]job {
	return map[string]job{
		"groupby-int-1k":    groupByInt("k_1k", groupFew),
		"groupby-int-1m":    groupByInt("k_1m", groupMany),
		"groupby-string-1k": groupByString("s_1k", groupFew),
		"groupby-string-1m": groupByString("s_1m", groupMany),
		"join":              join,
		"scan":              scan,
		"csv":               scanCSV,
		"latency":           latency,
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "limits:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return errors.New("usage: limits WORKLOAD IN OUT [THREADS]")
	}
	do, ok := jobs()[args[0]]
	if !ok {
		return fmt.Errorf("unknown workload %q", args[0])
	}
	threads := runtime.GOMAXPROCS(0)
	if len(args) > 3 {
		n, err := strconv.Atoi(args[3])
		if err != nil || n < 1 {
			return fmt.Errorf("the number of threads %q is not a positive number", args[3])
		}
		threads = n
	}
	start := time.Now()
	if err := do(args[1], args[2], threads); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	fmt.Printf("BENCH seconds=%.3f\n", time.Since(start).Seconds())
	return nil
}

// writeResult writes a result of one part.
func writeResult(out string, text []byte) error {
	return writePart(out, 0, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// writePart creates part k of a result and closes it behind fill.
func writePart(out string, k int, fill func(w io.Writer) error) error {
	f, err := os.Create(filepath.Join(out, fmt.Sprintf("part-%d.csv", k)))
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Close())
}
