//go:build linux

package heap_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/state"
)

// BenchmarkTenMillion is 10 M keys of 16 bytes with values of 64, updated at random 100,000 times a second for 20 s, while snapshots are read one
// after the other. It reports the memory of the process, how long after its time a batch of 256 updates was done, how much of the processor a
// batch or a Freeze took at most (which is what can be believed on a machine that others use), and how long Freeze took.
func BenchmarkTenMillion(b *testing.B) {
	if testing.Short() {
		b.Skip("takes half a minute and 2 GB")
	}
	const n, rate, rows, seconds = 10_000_000, 100_000, 256, 20
	s := newStore(b, wideKey)
	defer s.Close()
	c := openTable(b, s, state.Table{Name: "v", Keys: wideKey, Values: wide})
	load(b, s, c, wideKey, n, make([]byte, 64))
	r := rand.New(rand.NewPCG(1, 2))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var late, busy, freezes []time.Duration
	snapshots := make(chan state.Frozen, 1)
	idle := make(chan int, 1)
	go func() { // ends with snapshots
		defer close(idle)
		for f := range snapshots {
			read := 0
			for rows, err := range f.Read(context.Background(), 0) {
				if err != nil {
					b.Error(err)
				}
				read += rows.Batch.Rows()
			}
			f.Release()
			idle <- read
		}
	}()
	idle <- n
	value, numbers := make([]byte, 64), make([]int64, rows)
	for b.Loop() {
		began := time.Now()
		for i := range rate * seconds / rows {
			due := began.Add(time.Duration(i) * rows * time.Second / rate)
			time.Sleep(time.Until(due))
			busyFrom := threadTime(b)
			select {
			case read := <-idle:
				if read != n {
					b.Errorf("a snapshot of %d rows", read)
				}
				at := time.Now()
				f, err := s.Freeze()
				if err != nil {
					b.Fatal(err)
				}
				freezes = append(freezes, time.Since(at))
				snapshots <- f
			default:
			}
			for k := range numbers {
				numbers[k] = r.Int64N(n)
			}
			if err := s.Select(keyBatch(wideKey, numbers), nil, rows); err != nil {
				b.Fatal(err)
			}
			for k := range rows {
				s.Use(k)
				cell, _, err := c.Get(nil)
				if err != nil {
					b.Fatal(err)
				}
				copy(value, cell)
				binary.LittleEndian.PutUint64(value, binary.LittleEndian.Uint64(value)+1)
				if err := c.Put(nil, value); err != nil {
					b.Fatal(err)
				}
			}
			late, busy = append(late, time.Since(due)), append(busy, threadTime(b)-busyFrom)
		}
	}
	close(snapshots)
	for read := range idle {
		if read != n {
			b.Errorf("the last snapshot has %d rows", read)
		}
	}
	slices.Sort(late)
	slices.Sort(busy)
	b.ReportMetric(residentMB(b, "VmHWM"), "MB-peak")
	b.ReportMetric(float64(s.Size())/1e6, "MB-state")
	b.ReportMetric(float64(late[len(late)*999/1000].Microseconds())/1e3, "ms-p99.9")
	b.ReportMetric(float64(late[len(late)-1].Microseconds())/1e3, "ms-max")
	b.ReportMetric(float64(busy[len(busy)/2].Microseconds())/1e3, "cpu-ms-median")
	b.ReportMetric(float64(busy[len(busy)*999/1000].Microseconds())/1e3, "cpu-ms-p99.9")
	b.ReportMetric(float64(busy[len(busy)-1].Microseconds())/1e3, "cpu-ms-max")
	b.ReportMetric(float64(slices.Max(freezes).Microseconds())/1e3, "ms-freeze")
	b.ReportMetric(float64(len(freezes)), "snapshots")
}

// threadTime returns the processor time of the thread.
func threadTime(b testing.TB) time.Duration {
	b.Helper()
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// residentMB returns a line of /proc/self/status in megabytes.
func residentMB(b testing.TB, name string) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc")
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb * 1024 / 1e6
		}
	}
	return 0
}
