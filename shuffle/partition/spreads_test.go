package partition_test

import (
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/shuffle/partition"
)

// numbers returns a batch of n rows.
func numbers(n int) columnar.Batch {
	b := columnar.NewBatchBuilder(columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type}), n)
	for i := range n {
		columnar.AppendFixed(b.Column(0), int64(i))
	}
	b.Added(n)
	return b.Finish()
}

// spread partitions batches and returns how many rows each channel got; every row goes somewhere, once, in order.
func spread(t *testing.T, p partition.Partitioner, channels int, sizes ...int) []int {
	t.Helper()
	sel, counts := make([][]int32, channels), make([]int, channels)
	for _, n := range sizes {
		if err := p.Partition(numbers(n), sel); err != nil {
			t.Fatal(err)
		}
		seen := make([]bool, n)
		for c, rows := range sel {
			counts[c] += len(rows)
			for i, r := range rows {
				if seen[r] || i > 0 && rows[i-1] >= r {
					t.Fatalf("row %d of channel %d: %d", i, c, r)
				}
				seen[r] = true
			}
		}
		for r, ok := range seen {
			if !ok {
				t.Fatalf("row %d goes nowhere", r)
			}
		}
	}
	return counts
}

// The shares of all tasks cover all channels; where there are enough, each channel is in one.
func TestRescale(t *testing.T) {
	for tasks := 1; tasks < 9; tasks++ {
		for channels := 1; channels < 9; channels++ {
			senders := make([]int, channels)
			for task := range tasks {
				got := spread(t, partition.NewRescale(task, tasks, channels), channels, 100, 1, 0, 37)
				least, most := 1000, 0
				for c, n := range got {
					if n > 0 {
						senders[c]++
						least, most = min(least, n), max(most, n)
					}
				}
				if most-least > 1 {
					t.Errorf("task %d of %d, %d channels: %v", task, tasks, channels, got)
				}
			}
			for c, n := range senders {
				if n == 0 && channels >= tasks || channels >= tasks && n > 1 {
					t.Errorf("%d tasks, %d channels: channel %d has %d senders", tasks, channels, c, n)
				}
			}
		}
	}
}

func TestShuffle(t *testing.T) {
	for _, n := range spread(t, partition.NewShuffle(rand.New(rand.NewPCG(1, 2))), 7, 70000, 0, 1) {
		if n < 9500 || n > 10500 {
			t.Errorf("a channel has %d of 70001 rows", n)
		}
	}
}

func TestLoad(t *testing.T) {
	waiting := []int{0, 5000, 100, 0}
	l := &partition.Load{}
	l.Watch(func(c int) int { return waiting[c] })
	got := spread(t, l, 4, 8192)
	if got[1] != 0 || got[0] == 0 || got[2] == 0 || got[3] == 0 {
		t.Errorf("%v", got)
	}
	for _, c := range []int{0, 2, 3} {
		if total := got[c] + waiting[c]; total > 3300 || total < 2000 {
			t.Errorf("channel %d would have %d rows", c, total)
		}
	}
	for _, n := range spread(t, &partition.Load{}, 4, 1, 1, 1, 1, 512*8) { // nobody watches
		if n != 1025 {
			t.Errorf("a channel has %d rows", n)
		}
	}
}
