package coordinator

import (
	"math"
	"math/rand/v2"
	"time"
)

// Restarts decides whether, and after what delay, a job begins again after a failure. Its zero value never does.
type Restarts interface {
	// Failed takes a failure. It returns the delay, or false when the job is to be given up. now never goes back.
	Failed(now time.Time) (delay time.Duration, again bool)
}

// NoRestarts gives a job up at the first failure.
type NoRestarts struct{}

// Failed implements Restarts.
func (NoRestarts) Failed(time.Time) (time.Duration, bool) { return 0, false }

// FixedRestarts begins again a number of times, after a delay that is always the same.
type FixedRestarts struct {
	Attempts int
	Delay    time.Duration

	failed int
}

// Failed implements Restarts.
func (r *FixedRestarts) Failed(time.Time) (time.Duration, bool) {
	r.failed++
	return r.Delay, r.failed <= r.Attempts
}

// ExponentialRestarts begins again without end, after delays that grow (as Flink's exponential-delay strategy).
type ExponentialRestarts struct {
	Delay      time.Duration // the first
	Multiplier float64
	Max        time.Duration
	Jitter     float64       // the part of the delay that is left to chance, either way
	ResetAfter time.Duration // at work without a failure, the first delay is back
	Rand       *rand.Rand

	failed int
	begun  time.Time // again, after the last failure and its delay
}

// Failed implements Restarts.
func (r *ExponentialRestarts) Failed(now time.Time) (time.Duration, bool) {
	if !r.begun.IsZero() && now.Sub(r.begun) >= r.ResetAfter {
		r.failed = 0
	}
	delay := min(float64(r.Delay)*math.Pow(r.Multiplier, float64(r.failed)), float64(r.Max))
	r.failed++
	delay *= 1 + r.Jitter*(2*r.Rand.Float64()-1)
	r.begun = now.Add(time.Duration(delay))
	return time.Duration(delay), true
}

// RateRestarts begins again as long as there are no more than so many failures in an interval.
type RateRestarts struct {
	Failures int
	Interval time.Duration
	Delay    time.Duration

	recent []time.Time
}

// Failed implements Restarts.
func (r *RateRestarts) Failed(now time.Time) (time.Duration, bool) {
	r.recent = append(r.recent, now)
	for len(r.recent) > 0 && now.Sub(r.recent[0]) >= r.Interval {
		r.recent = r.recent[1:]
	}
	return r.Delay, len(r.recent) <= r.Failures
}
