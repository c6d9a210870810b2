package datastream

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
	"github.com/millrace/millrace/stream/watermark"
)

// EventTime gives records the time that at says, and makes watermarks by the strategy. Reached from Read over Map, FlatMap and Filter, each
// split of the source has a watermark of its own; else each task has one for all its records, and the plan says so.
func EventTime[T any](s Stream[T], at func(T) time.Time, strategy watermark.Strategy, options ...plan.Option) Stream[T] {
	stamped, _ := eventTime(s, at, strategy, options)
	return stamped
}

// EventTimeAside is EventTime with a strategy that puts records whose time lies far in the future aside: they are the second stream.
func EventTimeAside[T any](s Stream[T], at func(T) time.Time, strategy watermark.Strategy, options ...plan.Option) (stamped, future Stream[T]) {
	job := s.data.Job()
	if strategy.Future != watermark.Aside {
		job.Fail("EventTimeAside", fmt.Errorf("the strategy does not put records aside: say FarFuture(watermark.Aside, ...)"))
	}
	stamped, node := eventTime(s, at, strategy, options)
	return stamped, of[T](job, job.AddSide(node, 0))
}

// IngestionTime gives records the processing time at which they come here, and watermarks by it: nothing is ever late.
func IngestionTime[T any](s Stream[T], options ...plan.Option) Stream[T] {
	job, in := s.data.Job(), s.data.Node()
	tail, err := rows.Records[T]()
	if err != nil {
		job.Fail("IngestionTime", err)
		return s
	}
	node := job.Add(plan.Rows{Program: rows.Program{Tail: tail}}, []*plan.Node{in}, plan.Name("IngestionTime"))
	return of[T](job, job.Add(plan.EventTime{Strategy: watermark.Monotonous(), Record: tail.Schema}, []*plan.Node{node}, options...))
}

func eventTime[T any](s Stream[T], at func(T) time.Time, strategy watermark.Strategy, options []plan.Option) (Stream[T], *plan.Node) {
	job, in := s.data.Job(), s.data.Node()
	selectors, err := timeSelectors(at, strategy)
	if err != nil {
		job.Fail("EventTime", err)
		return s, in
	}
	tail, err := rows.Selected(true, selectors...)
	if err != nil {
		job.Fail("EventTime", err)
		return s, in
	}
	record, err := codec.Of[T]()
	if err != nil {
		job.Fail("EventTime", err)
		return s, in
	}
	op := plan.EventTime{Strategy: strategy, Columns: len(selectors), BySplit: in.IsBySplit(), Record: record.Schema()}
	node := job.Add(plan.Rows{Program: rows.Program{Tail: tail}}, []*plan.Node{in}, plan.Name("EventTime"))
	node = job.Add(op, []*plan.Node{node}, options...)
	return of[T](job, node), node
}

// timeSelectors returns what makes the columns that say the time.
func timeSelectors[T any](at func(T) time.Time, strategy watermark.Strategy) ([]codec.Selector[T], error) {
	if at == nil {
		return nil, fmt.Errorf("the function that says the time is nil")
	}
	selector, err := codec.Select(at)
	if err != nil || strategy.Mark == nil {
		return []codec.Selector[T]{selector}, err
	}
	mark, ok := strategy.Mark.(func(T) (time.Time, bool))
	if !ok {
		return nil, fmt.Errorf("the strategy marks records by %T, and they are of type %T", strategy.Mark, *new(T))
	}
	marks, err := codec.Select(func(v T) *time.Time {
		if t, ok := mark(v); ok {
			return &t
		}
		return nil
	})
	return []codec.Selector[T]{selector, marks}, err
}
