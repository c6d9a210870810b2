//go:build unix

package lsm_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/lsm"
)

var (
	wideKey = []columnar.Field{{Name: "id", Type: columnar.Type{Kind: columnar.FixedBinary, Width: 16}}}
	wide    = state.Table{Name: "v", Kind: "value", Keys: wideKey, Values: []columnar.Field{{Name: "v", Type: columnar.Type{Kind: columnar.FixedBinary, Width: 64}}}}
)

// BenchmarkUpdate is Select, Use, Get and Put of a value of 64 bytes, by random keys of 16 bytes, with 256 MB of memory.
func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int64{1e5, 1e6, 1e7} {
		b.Run(fmt.Sprintf("keys=%.0e", float64(n)), func(b *testing.B) {
			if testing.Short() && n > 1e6 {
				b.Skip("takes a minute")
			}
			s, err := lsm.New(lsm.Config{Keys: wideKey, Groups: state.Share(0, 1, state.DefaultKeyGroups), Bytes: 256 << 20, Dir: filepath.Join(b.TempDir(), "state")})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			c, err := s.Open(wide)
			if err != nil {
				b.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			value := make([]byte, 64)
			numbers := make([]int64, columnar.DefaultRows)
			update := func(next func(i int) int64) {
				for i := range numbers {
					numbers[i] = next(i)
				}
				if err := s.Select(wideKeys(numbers), nil, len(numbers)); err != nil {
					b.Fatal(err)
				}
				for i := range numbers {
					s.Use(i)
					cell, _, err := c.Get(nil)
					if err != nil {
						b.Fatal(err)
					}
					copy(value, cell)
					binary.LittleEndian.PutUint64(value[8*(i&7):], r.Uint64())
					if err := c.Put(nil, value); err != nil {
						b.Fatal(err)
					}
				}
			}
			for from := int64(0); from < n; from += int64(len(numbers)) {
				update(func(i int) int64 { return min(from+int64(i), n-1) })
			}
			rows, began := 0, cpuTime(b)
			b.ReportAllocs()
			for b.Loop() {
				update(func(int) int64 { return r.Int64N(n) })
				rows += len(numbers)
			}
			b.ReportMetric(float64((cpuTime(b)-began).Microseconds())/float64(rows), "cpu-us/row")
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// cpuTime returns the processor time of the process, compactions included: on a machine that others use, the time on the wall says little.
func cpuTime(b testing.TB) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func wideKeys(numbers []int64) []columnar.Column {
	bld := columnar.NewBuilder(wideKey[0].Type, len(numbers))
	for _, n := range numbers {
		bld.AppendBytes(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(n)*0x9e3779b97f4a7c15), uint64(n)))
	}
	return []columnar.Column{bld.Finish()}
}
