package datastream

import (
	"errors"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/process"
)

// CoProcessor handles the records of two keyed streams, whose keys share their state: see [ProcessBoth].
type CoProcessor[K comparable, L, R, Out any] = process.CoProcessor[K, L, R, Out]

// Connected is two streams with keys of one type. Records of both with equal keys meet in one task.
type Connected[K comparable, L, R any] struct {
	left  Keyed[K, L]
	right Keyed[K, R]
}

// Connect puts two keyed streams beside each other.
func Connect[K comparable, L, R any](left Keyed[K, L], right Keyed[K, R]) Connected[K, L, R] {
	if left.stream.data.Job() != right.stream.data.Job() {
		left.stream.data.Job().Fail("Connect", errTwoJobs)
	}
	return Connected[K, L, R]{left, right}
}

var errTwoJobs = errors.New("the two streams belong to different jobs")

// ProcessBoth gives what a processor emits for each record of either stream, and for timers: see Process. Which of the streams' records comes
// first is not defined.
func ProcessBoth[K comparable, L, R, Out any, P CoProcessor[K, L, R, Out]](c Connected[K, L, R], newFn func() P, options ...plan.Option) Stream[Out] {
	p, err := process.OfConnected(newFn)
	return processed[Out](c.left.stream.data.Job(), "ProcessBoth", p, err, options, c.left.node(), c.right.node())
}
