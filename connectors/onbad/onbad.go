// Package onbad says what becomes of records that cannot be decoded: the job fails (the default), they are left out up to a limit, or they
// go to a named sink. Sources and functions that can fail take a [Policy]; the engine applies it to what readers report.
//
// Stability: public.
package onbad

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Action is what a policy does with a bad record.
type Action uint8

// The actions.
const (
	FailJob  Action = iota // the first bad record fails the job
	LeaveOut               // bad records are counted and left out
	SendSide               // bad records go to a named sink
)

// Policy is what becomes of bad records. The zero value is Fail.
type Policy struct {
	Action Action
	Limit  int64   // LeaveOut: how many there may be in the whole job; negative: any number
	Share  float64 // LeaveOut: what share of all records they may be, looked at when the input ends; 0: any
	Sink   string  // SendSide: the sink's name
}

// Fail lets the first bad record fail the job.
func Fail() Policy { return Policy{} }

// Skip leaves bad records out; more than limit of them fail the job. A negative limit allows any number.
func Skip(limit int64) Policy { return Policy{Action: LeaveOut, Limit: limit} }

// SkipShare leaves bad records out; if they are a larger share of all records than that, the job fails in the end.
func SkipShare(share float64) Policy { return Policy{Action: LeaveOut, Limit: -1, Share: share} }

// Side sends bad records to the sink of that name.
func Side(sink string) Policy { return Policy{Action: SendSide, Sink: sink} }

// Validate reports settings that cannot be meant.
func (p Policy) Validate() error {
	switch {
	case p.Action > SendSide:
		return fmt.Errorf("unknown action %d for bad records", p.Action)
	case p.Share < 0 || p.Share >= 1:
		return fmt.Errorf("the share of bad records is %v; it must be at least 0 and below 1", p.Share)
	case p.Action == SendSide && p.Sink == "":
		return fmt.Errorf("bad records are to go to a sink without a name")
	default:
		return nil
	}
}

// String prints the policy as plans show it.
func (p Policy) String() string {
	switch {
	case p.Action == LeaveOut && p.Share > 0:
		return fmt.Sprintf("skip up to %g%%", p.Share*100)
	case p.Action == LeaveOut && p.Limit < 0:
		return "skip"
	case p.Action == LeaveOut:
		return fmt.Sprintf("skip up to %d", p.Limit)
	case p.Action == SendSide:
		return "side " + p.Sink
	default:
		return "fail"
	}
}

// Check returns an error when bad of total records are more than the policy allows; ended says whether total is final.
func (p Policy) Check(bad, total int64, ended bool) error {
	switch {
	case bad == 0 || p.Action == SendSide:
		return nil
	case p.Action == FailJob:
		return fmt.Errorf("%d bad records", bad)
	case p.Limit >= 0 && bad > p.Limit:
		return fmt.Errorf("%d bad records; the limit is %d", bad, p.Limit)
	case ended && p.Share > 0 && float64(bad) > p.Share*float64(total):
		return fmt.Errorf("%d of %d records are bad; the limit is %g%%", bad, total, p.Share*100)
	default:
		return nil
	}
}

// Record is a bad record as it is written to a named sink.
type Record struct {
	Node   string // the logical node, with its call site
	Source string // the file, topic and partition; empty for a function's
	Offset int64  // where in it the record begins; -1 unknown
	Record string // its beginning, as text: what is none is replaced
	Reason string
	Bytes  []byte `col:",null=zero"` // the beginning as it is, of a record that is not text
}

// NewRecord returns a bad record as it is written. record is its beginning.
func NewRecord(node, source string, offset int64, record, reason string) Record {
	r := Record{Node: node, Source: source, Offset: offset, Record: record, Reason: reason}
	if !utf8.ValidString(record) {
		r.Record, r.Bytes = strings.ToValidUTF8(record, "\uFFFD"), []byte(record)
	}
	return r
}
