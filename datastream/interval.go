package datastream

import (
	"time"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
)

// IntervalJoin gives f of each pair of records with equal keys whose event times are close: the right record's is that of the left one plus from
// to to, both included; from may be negative. A pair has the later time of its two. Records that come after the watermark has passed their
// time are left out and counted as "late". Each record is kept until no partner can come any more.
func IntervalJoin[K comparable, L, R, Out any](
	left Keyed[K, L], right Keyed[K, R], from, to time.Duration, f func(L, R) Out, options ...plan.Option,
) Stream[Out] {
	job := left.stream.data.Job()
	if right.stream.data.Job() != job {
		job.Fail("IntervalJoin", errTwoJobs)
		return of[Out](job, left.stream.data.Node())
	}
	tail, err := rows.Records[Out]()
	if err != nil {
		job.Fail("IntervalJoin", err)
		return of[Out](job, left.stream.data.Node())
	}
	op := plan.Interval{Keys: len(left.key.Fields), From: from, To: to}
	node := job.Add(op, []*plan.Node{left.node(), right.node()}, options...)
	pair := rows.Joined("IntervalJoin", rows.Sides{}, f, func(l *L, r *R) Out { return f(*l, *r) })
	return of[Out](job, job.Add(plan.Rows{Program: rows.Program{Stages: []rows.Stage{pair}, Tail: tail}}, []*plan.Node{node}))
}
