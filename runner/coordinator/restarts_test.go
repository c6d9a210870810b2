package coordinator

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// givenUp is what a strategy says that gives the job up.
const givenUp = time.Duration(-1)

// TestRestarts has jobs fail again and again; each failure comes so long after the one before.
func TestRestarts(t *testing.T) {
	const s, m = time.Second, time.Minute
	exponential := func() *ExponentialRestarts {
		return &ExponentialRestarts{Delay: s, Multiplier: 2, Max: 5 * s, ResetAfter: 10 * m, Rand: rand.New(rand.NewPCG(1, 1))}
	}
	for name, c := range map[string]struct {
		restarts Restarts
		after    []time.Duration
		want     []time.Duration // delays
	}{
		"none":               {NoRestarts{}, []time.Duration{0}, []time.Duration{givenUp}},
		"fixed":              {&FixedRestarts{Attempts: 2, Delay: s}, []time.Duration{0, m, m}, []time.Duration{s, s, givenUp}},
		"fixed, long ago":    {&FixedRestarts{Attempts: 1, Delay: s}, []time.Duration{0, 100 * time.Hour}, []time.Duration{s, givenUp}},
		"exponential":        {exponential(), []time.Duration{0, m, m, m, m}, []time.Duration{s, 2 * s, 4 * s, 5 * s, 5 * s}},
		"exponential, quiet": {exponential(), []time.Duration{0, m, 10*m + 2*s, m}, []time.Duration{s, 2 * s, s, 2 * s}},
		// The delay is no time without a failure.
		"exponential, just not quiet": {exponential(), []time.Duration{0, m, 10*m + 2*s - 1}, []time.Duration{s, 2 * s, 4 * s}},
		"exponential, for ever":       {exponential(), make([]time.Duration, 2000), append([]time.Duration{s, 2 * s, 4 * s}, same(1997, 5*s)...)},
		"rate":                        {&RateRestarts{Failures: 2, Interval: m, Delay: s}, []time.Duration{0, 29 * s, 31 * s, 29 * s, 2 * s}, []time.Duration{s, s, s, s, givenUp}},
		"no rate":                     {&RateRestarts{Interval: m}, []time.Duration{0}, []time.Duration{givenUp}},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1, 0)
			var got []time.Duration
			for _, after := range c.after {
				now = now.Add(after)
				delay, again := c.restarts.Failed(now)
				if !again {
					delay = givenUp
				}
				got = append(got, delay)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("delays (-want +got):\n%s", diff)
			}
		})
	}
}

func same(n int, d time.Duration) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = d
	}
	return out
}

// TestJitter: delays differ, by no more than their part that is left to chance.
func TestJitter(t *testing.T) {
	r := &ExponentialRestarts{Delay: time.Second, Multiplier: 1, Max: time.Minute, Jitter: 0.1, ResetAfter: time.Hour, Rand: rand.New(rand.NewPCG(1, 1))}
	seen := map[time.Duration]bool{}
	for range 100 {
		d, _ := r.Failed(time.Unix(1, 0))
		if d < 900*time.Millisecond || d > 1100*time.Millisecond {
			t.Fatalf("the delay is %s", d)
		}
		seen[d] = true
	}
	if len(seen) < 50 {
		t.Errorf("%d different delays of 100", len(seen))
	}
}
