//go:build unix

package heap_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime returns the processor time of the process: on a machine that others use, the time on the wall says little.
func cpuTime(b testing.TB) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportRows reports rows per second, and the processor time of each since began.
func reportRows(b *testing.B, rows int, began time.Duration) {
	b.Helper()
	b.ReportMetric(float64((cpuTime(b)-began).Nanoseconds())/float64(rows), "cpu-ns/row")
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
