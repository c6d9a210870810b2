package plan

import "sync/atomic"

// Counter counts what functions of the user's tell it, over all tasks. It appears in the run's summary under its name. A task's attempt that
// fails has counted what it counted, and the next attempt counts again: counters are for people, not for results.
type Counter struct {
	name string
	n    atomic.Int64
}

// Counter returns the job's counter of that name, the same for the same name.
func (j *Job) Counter(name string) *Counter {
	for _, c := range j.counters {
		if c.name == name {
			return c
		}
	}
	c := &Counter{name: name}
	j.counters = append(j.counters, c)
	return c
}

// Add adds n. Any goroutine may call it.
func (c *Counter) Add(n int64) { c.n.Add(n) }

// Counts returns the values of all counters by name.
func (j *Job) Counts() map[string]int64 {
	if len(j.counters) == 0 {
		return nil
	}
	out := make(map[string]int64, len(j.counters))
	for _, c := range j.counters {
		out[c.name] = c.n.Load()
	}
	return out
}
