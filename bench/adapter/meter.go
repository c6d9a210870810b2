package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors"
)

// meter is a sink that takes the time of its rows, which have that of their making.
type meter struct {
	forgetful
	begin time.Time
	from  time.Duration // rows made before do not count
	all   *meters
}

// meters gathers what the tasks' meters have seen. A mutex guards it.
type meters struct {
	mu   sync.Mutex
	took []time.Duration
}

// Describe implements connectors.Sink.
func (meter) Describe() string { return "nowhere" }

// NewWriter implements connectors.Sink.
func (m meter) NewWriter(context.Context, connectors.TaskEnv, *columnar.Schema) (connectors.Writer, error) {
	return &metering{meter: m}, nil
}

type metering struct {
	nothing
	meter
	took []time.Duration
}

func (m *metering) Write(_ context.Context, b columnar.Batch) error {
	now := time.Since(m.begin)
	at := columnar.Values[int64](b.Columns[2])
	for i := range b.Rows() {
		if b.Sel != nil {
			i = int(b.Sel[i])
		}
		if made := time.Duration(at[i]); made >= m.from {
			m.took = append(m.took, now-made)
		}
	}
	return nil
}

func (m *metering) Close() error {
	m.all.mu.Lock()
	defer m.all.mu.Unlock()
	m.all.took = append(m.all.took, m.took...)
	return nil
}

func (m *meters) print(rate int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	slices.Sort(m.took)
	if len(m.took) == 0 {
		return
	}
	fmt.Printf("BENCHLAT n=%d rate=%d", len(m.took), rate)
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}} {
		i := min(int(q.at*float64(len(m.took))), len(m.took)-1)
		fmt.Printf(" %s=%.3fms", q.name, float64(m.took[i])/float64(time.Millisecond))
	}
	fmt.Println()
}
