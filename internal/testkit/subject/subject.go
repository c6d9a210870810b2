// Package subject has the jobs that are tried under faults: by internal/sim in virtual time, by internal/chaos in one process and as processes that
// are killed. What they write does not depend on the order in which their tasks come to run, nor on how many there are, so that what a disturbed run
// has written can be compared, line by line, with what an undisturbed one has.
//
//	rolling   a count for each reading                          windows   tumbling, sliding and session windows of event time
//	stages    two functions with state, one behind the other    later     timers of event and of processing time
//	sinks     three sinks in one job                            join      two sources, joined by key and time
//	copy      files that roll over
//
// Test-only.
package subject

import (
	"time"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/watermark"
)

// Job is a job under test. Build returns what builds it, with out as the folder that has a folder for each of its outputs.
type Job struct {
	Name  string
	Build func(out string) func(*plan.Job)
}

// Size is how large jobs are, and how fast.
type Size struct {
	Rows  int64         // that are read
	Timed int64         // that are read where there are event times: by windows, later, sinks and join
	Rate  float64       // of them a second; 0: as fast as they can be read
	Keys  int64         // of the first function of stages
	Alarm time.Duration // after which a timer of processing time fires
	Roll  file.Rolling  // of the files of copy
}

// Jobs returns all of them.
func (s Size) Jobs() []Job {
	return []Job{
		{"rolling", s.rolling}, {"stages", s.stages}, {"windows", s.windows}, {"later", s.later}, {"sinks", s.sinks}, {"join", s.join}, {"copy", s.copied},
	}
}

// Reading is a record that is read.
type Reading struct{ Sensor, Value int64 }

// Counted is a record that is written.
type Counted struct{ Key, N int64 }

func sensor(r Reading) int64 { return r.Sensor }

// Readings gives readings without event times, in more splits than there are tasks.
func (s Size) Readings(job *plan.Job) datastream.Stream[Reading] {
	return datastream.Read(job, generate.Source[Reading]{Rows: s.Rows, SplitRows: s.Rows / 16, Rate: s.Rate, At: func(i int64) Reading {
		return Reading{i * 2654435761 % 97, i}
	}})
}

// partitions is in how many splits timed readings come.
const partitions = 4

// timed gives one of so many of the rows, as partitions of a log do: in each, event time goes on by a second from one to the next.
func (s Size) timed(job *plan.Job, oneOf int64) datastream.Stream[Reading] {
	rows := s.Timed / oneOf
	per := rows / partitions
	all := datastream.Read(job, generate.Source[Reading]{Rows: rows, SplitRows: per, Rate: s.Rate / float64(oneOf), At: func(i int64) Reading {
		return Reading{i * 2654435761 % 13, i % per}
	}})
	return datastream.EventTime(all, func(r Reading) time.Time { return time.Unix(r.Value, 0) }, watermark.Bounded(2*time.Second))
}

// Write writes lines of JSON to a folder in out.
func Write[T any](s datastream.Stream[T], out, name string) {
	datastream.Write(s, file.Sink[T]{Path: out + "/" + name, Format: json.Format[T]{}}, plan.UID(name+" out"))
}
