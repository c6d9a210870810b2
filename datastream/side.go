package datastream

import (
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/process"
)

// Tag names a side output with records of type T.
type Tag[T any] = process.Tag[T]

// NewTag returns the tag of that name. Tags of one name and type are the same.
func NewTag[T any](name string) Tag[T] { return process.NewTag[T](name) }

// Sided is a context that can emit to side outputs: a Context or an Output.
type Sided = process.Sided

// EmitSide gives a record to a side output of the node at work, with the time of its record or timer. When nothing in the job reads that side
// output, the record is dropped.
func EmitSide[T any](ctx Sided, tag Tag[T], v T) { process.EmitSide(ctx, tag, v) }

// Side gives the records that the functions of a stream's node have emitted to a side output.
func Side[T, Main any](s Stream[Main], tag Tag[T], options ...plan.Option) Stream[T] {
	job := s.data.Job()
	spec, err := process.Declare(tag)
	if err != nil {
		job.Fail("Side", err)
		return of[T](job, s.data.Node())
	}
	node, err := plan.TaggedNode(s.data.Node())
	if err != nil {
		job.Fail("Side", err)
		return of[T](job, s.data.Node())
	}
	number, err := node.Op.(plan.Tagged).AddTag(spec)
	if err != nil {
		job.Fail("Side", err)
		return of[T](job, s.data.Node())
	}
	return of[T](job, job.AddSide(node, number, options...))
}
