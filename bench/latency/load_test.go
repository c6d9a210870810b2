package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// engine counts by key and tells each count twice where twice says so.
func engine(t *testing.T, in, out string, twice int64) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			var dialer net.Dialer
			from, err := dialer.DialContext(t.Context(), "unix", in)
			if err != nil {
				return err
			}
			defer from.Close()
			to, err := dialer.DialContext(t.Context(), "unix", out)
			if err != nil {
				return err
			}
			defer to.Close()
			counts := map[string]int64{}
			for lines := bufio.NewScanner(from); lines.Scan(); {
				key, at, _ := strings.Cut(lines.Text(), ",")
				counts[key]++
				n := counts[key]
				if n == twice {
					n++
				}
				if _, err := fmt.Fprintf(to, "%s,%d,%s\n", key, n, at); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	return done
}

func TestMeasure(t *testing.T) {
	for _, c := range []struct {
		twice, faults int64
	}{{0, 0}, {1, 3000}} {
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
		l := newLoad(10_000, 100*time.Millisecond, 200*time.Millisecond)
		if err := l.listen(in, out); err != nil {
			t.Fatal(err)
		}
		ended := engine(t, in, out, c.twice)
		err := l.measure(ended)
		l.close()
		if err := errors.Join(err, <-ended); err != nil {
			t.Fatal(err)
		}
		if l.received != 3000 || l.latency.n != 2000 || l.lateness.n != 2000 || l.faults != c.faults || (l.wrong() == nil) != (c.faults == 0) {
			t.Errorf("%d received, %d measured, %d sent late or not, %d wrong", l.received, l.latency.n, l.lateness.n, l.faults)
		}
	}
}

func TestEngineEnds(t *testing.T) {
	dir := t.TempDir()
	l := newLoad(1000, 0, time.Second)
	if err := l.listen(filepath.Join(dir, "in"), filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	defer l.close()
	ended := make(chan error, 1)
	ended <- nil
	if err := l.measure(ended); !errors.Is(err, errEnded) {
		t.Error(err)
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string][]int64{"12,3,456": {12, 3, 456}, "": {-1}, ",1": {-1}, "7": {7}, "x,1": {-1}} {
		var got []int64
		rest := []byte(text)
		for {
			var n int64
			n, rest = number(rest)
			if got = append(got, n); len(rest) == 0 || n < 0 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Max(1<<62).Draw(t, "n")
		h := highest(bucketOf(n))
		if h < n || bucketOf(h) != bucketOf(n) || bucketOf(h+1) != bucketOf(n)+1 {
			t.Fatalf("%d is in bucket %d, which ends at %d", n, bucketOf(n), h)
		}
		if float64(h-n) > float64(n)/64 {
			t.Fatalf("the bucket of %d ends at %d", n, h)
		}
	})
}

func TestQuantiles(t *testing.T) {
	var h histogram
	for i := range 1000 {
		h.add(time.Duration(1000-i) * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Microsecond, 0.99: 990 * time.Microsecond, 1: time.Millisecond} {
		if got := h.quantile(q); got < want || got > want+want/64 {
			t.Errorf("quantile %g is %v", q, got)
		}
	}
	if !slices.Equal(h.steps[:6], []int64{50, 50, 100, 300, 500, 0}) {
		t.Errorf("steps have %v", h.steps)
	}
}
