package heap_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/state"
)

// BenchmarkTenMillion is 10 M keys of 16 bytes with values of 64, updated at random 100,000 times a second for 20 s, while snapshots are read one
// after the other. It reports the memory of the process, how long after its time a batch of 256 updates was done, and how long Freeze took.
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
	var late, freezes []time.Duration
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
			late = append(late, time.Since(due))
		}
	}
	close(snapshots)
	for read := range idle {
		if read != n {
			b.Errorf("the last snapshot has %d rows", read)
		}
	}
	slices.Sort(late)
	b.ReportMetric(residentMB(b, "VmHWM"), "MB-peak")
	b.ReportMetric(float64(s.Size())/1e6, "MB-state")
	b.ReportMetric(float64(late[len(late)*999/1000].Microseconds())/1e3, "ms-p99.9")
	b.ReportMetric(float64(late[len(late)-1].Microseconds())/1e3, "ms-max")
	b.ReportMetric(float64(slices.Max(freezes).Microseconds())/1e3, "ms-freeze")
	b.ReportMetric(float64(len(freezes)), "snapshots")
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
