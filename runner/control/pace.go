package control

import (
	"time"

	"github.com/millrace/millrace/stream"
)

// Pace is how far the splits of a source's task have come that belong to an alignment group.
type Pace struct {
	Group string
	Least stream.Watermark // of the splits that are not idle and have given rows; EndOfTime: there are none
	// IsOpen says that a split has given no row yet, or that the task waits for its first: rows of any time may come.
	IsOpen bool
	IsIdle bool // the task holds nobody back: it has no splits, or they are idle
	IsHeld bool // all its splits are paused: it does nothing until it is told that others have come farther
}

// PaceEvery is how often a task tells its Pace, if it changes, and how often tasks are told of a group's. A task that is held says so at once,
// and is answered at once.
const PaceEvery = 100 * time.Millisecond
