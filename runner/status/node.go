package status

import (
	"math"
	"time"
)

// Node is a node of the job's graph, with what its tasks count summed up. Counters are since the job was started or restarted.
type Node struct {
	ID       int              `json:"id"`
	Name     string           `json:"name"` // "clicks.go:31: Window"
	UID      string           `json:"uid,omitempty"`
	Stage    int              `json:"stage"`
	Tasks    int              `json:"tasks"`
	Inputs   []int            `json:"inputs"` // IDs of the nodes that it reads from; none: a source
	RowsIn   int64            `json:"rows_in"`
	RowsOut  int64            `json:"rows_out"`
	BytesIn  int64            `json:"bytes_in,omitempty"` // stored bytes at sources and sinks, exchanged bytes elsewhere
	BytesOut int64            `json:"bytes_out,omitempty"`
	Spilled  int64            `json:"spilled_bytes,omitempty"`
	Bad      int64            `json:"bad_records,omitempty"`
	Counters map[string]int64 `json:"counters,omitempty"` // the user's
	Time     Time             `json:"time"`
	Rates    Rates            `json:"rates"`                 // Meter fills them in
	State    int64            `json:"state_bytes,omitempty"` // of memory that it holds, of a node with state
	// Watermark is the event time that it has come to, the least of its tasks. nil: it knows none, or its input has ended.
	Watermark *time.Time `json:"watermark,omitempty"`
	Ended     bool       `json:"ended,omitempty"` // its input has
	Held      *Held      `json:"held,omitempty"`  // while the watermark stands still though rows come in somewhere
	// InBacklog says, of a source, that it works off what was there before it comes to what is new.
	InBacklog bool    `json:"in_backlog,omitempty"`
	Splits    []Split `json:"splits,omitempty"`
}

// Time is how the node's tasks have spent their time since they began, summed over them.
type Time struct {
	Busy          time.Duration `json:"busy_ns"`          // in the node's own functions
	Idle          time.Duration `json:"idle_ns"`          // waiting for input, with all that shares the tasks
	Backpressured time.Duration `json:"backpressured_ns"` // waiting for room in outputs, with all that shares the tasks
}

// Rates are records in a second and shares of time, from 0 to 1, over the last seconds.
type Rates struct {
	In            float64 `json:"in_per_s"`
	Out           float64 `json:"out_per_s"`
	Busy          float64 `json:"busy"`
	Idle          float64 `json:"idle"`
	Backpressured float64 `json:"backpressured"`
}

// Held says what a watermark waits for.
type Held struct {
	By     string    `json:"by"`    // "split orders-3 of clicks.go:20: Read", "input 1, from clicks.go:24: Map"
	Since  time.Time `json:"since"` // since when it stands still
	Reason string    `json:"reason"`
}

// Split is a split of a source that is being read.
type Split struct {
	ID        string     `json:"id"`
	Task      int        `json:"task"`
	Watermark *time.Time `json:"watermark,omitempty"`
	Idle      bool       `json:"idle,omitempty"`   // it does not hold the others' watermark back
	Paused    bool       `json:"paused,omitempty"` // it waits for slower splits of its alignment group
	Lag       *int64     `json:"lag,omitempty"`    // records or bytes that are there and not read yet; nil: not known
	LastRow   *time.Time `json:"last_row,omitempty"`
}

// EventTime returns a watermark in microseconds since 1970 as a time; nil for the ends of time, and for what no calendar has.
func EventTime(micros int64) *time.Time {
	const first, last = -62135596800000000, 253402300799999999 // the years 1 to 9999, which RFC 3339 can write
	if micros == math.MinInt64 || micros == math.MaxInt64 || micros < first || micros > last {
		return nil
	}
	t := time.UnixMicro(micros).UTC()
	return &t
}
