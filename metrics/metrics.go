// Package metrics holds the numbers that a running job shows: counters and peaks by plan node and task.
//
// A task owns one [Set] for each of its operators and adds to it; anybody may read a Set at any time ([Set.Values] is a set of atomic
// loads). Sets of the same node are summed by [Sum]. There is no registry and there are no names but those of the fields: what an
// operator counts beyond them are user counters.
package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Set is what one operator of one task counts. The zero Set is ready. Adding is cheap enough to be done once a batch, not once a row.
type Set struct {
	RowsIn, RowsOut   atomic.Int64
	BytesIn, BytesOut atomic.Int64 // stored bytes at sources and sinks, exchanged bytes elsewhere
	Batches           atomic.Int64
	Spilled           atomic.Int64 // bytes written to scratch files
	Bad               atomic.Int64 // records that could not be decoded or that a function refused
	Busy              atomic.Int64 // nanoseconds in the operator's methods
	Idle              atomic.Int64 // nanoseconds in which its task had nothing to do; counted at the first operator
	Backpressured     atomic.Int64 // nanoseconds in which its task waited for room; counted at the first operator
	Watermark         atomic.Int64 // event time, in microseconds; 0: none yet

	functions atomic.Pointer[functions] // nil: none

	mu   sync.Mutex // guards user
	user map[string]int64
}

// Count adds n to the user counter of that name.
func (s *Set) Count(name string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.user == nil {
		s.user = map[string]int64{}
	}
	s.user[name] += n
}

// Values is a Set at one moment, or several summed.
type Values struct {
	RowsIn   int64 `json:"rows_in"`
	RowsOut  int64 `json:"rows_out"`
	BytesIn  int64 `json:"bytes_in,omitempty"`
	BytesOut int64 `json:"bytes_out,omitempty"`
	Batches  int64 `json:"batches,omitempty"`
	Spilled  int64 `json:"spilled_bytes,omitempty"`
	Bad      int64 `json:"bad_records,omitempty"`
	Busy     int64 `json:"busy_ns,omitempty"`

	Idle          int64 `json:"idle_ns,omitempty"`
	Backpressured int64 `json:"backpressured_ns,omitempty"`
	Watermark     int64 `json:"-"` // of several: the earliest

	User map[string]int64 `json:"counters,omitempty"`

	Functions []Function `json:"functions,omitempty"` // in the order in which records pass them
}

// Values reads the set.
func (s *Set) Values() Values {
	s.mu.Lock()
	user := maps.Clone(s.user)
	s.mu.Unlock()
	return Values{
		RowsIn: s.RowsIn.Load(), RowsOut: s.RowsOut.Load(), BytesIn: s.BytesIn.Load(), BytesOut: s.BytesOut.Load(),
		Batches: s.Batches.Load(), Spilled: s.Spilled.Load(), Bad: s.Bad.Load(), Busy: s.Busy.Load(), User: user,
		Functions: s.functions.Load().values(),
		Idle:      s.Idle.Load(), Backpressured: s.Backpressured.Load(), Watermark: s.Watermark.Load(),
	}
}

// Sum adds values up.
func Sum(all ...Values) Values {
	var t Values
	for _, v := range all {
		t.RowsIn += v.RowsIn
		t.RowsOut += v.RowsOut
		t.BytesIn += v.BytesIn
		t.BytesOut += v.BytesOut
		t.Batches += v.Batches
		t.Spilled += v.Spilled
		t.Bad += v.Bad
		t.Busy += v.Busy
		t.Idle += v.Idle
		t.Backpressured += v.Backpressured
		if t.Watermark == 0 || v.Watermark != 0 && v.Watermark < t.Watermark {
			t.Watermark = v.Watermark
		}
		t.Functions = addFunctions(t.Functions, v.Functions)
		for name, n := range v.User {
			if t.User == nil {
				t.User = map[string]int64{}
			}
			t.User[name] += n
		}
	}
	return t
}
