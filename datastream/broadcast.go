package datastream

import (
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/process"
)

// BroadcastProcessor handles the records of a keyed stream, by rules that every task gets: see [ProcessWithRules].
type BroadcastProcessor[K comparable, In, B, Out any] = process.BroadcastProcessor[K, In, B, Out]

// BroadcastEach handles the records of a stream without keys, by rules that every task gets: see [ProcessEachWithRules].
type BroadcastEach[In, B, Out any] = process.BroadcastEach[In, B, Out]

// Rules is a table that every task has in full: a field of a processor, which OnBroadcast fills and OnRecord reads.
//
//	Limits datastream.Rules[string, Limit] `broadcast:"limits"`
type Rules[K comparable, V any] = process.Rules[K, V]

// ProcessWithRules gives what a processor emits for the records of a keyed stream, and for rules, each of which goes to every task. The rules
// are kept in fields of type Rules, which OnBroadcast fills and OnRecord can only read, and which are the same in all tasks also
// after a restart or with another number of tasks. If the rules come from one task ([Global] sees to it), their order is the same everywhere.
//
// A record meets those rules that have come before it. Of streams that end, all rules come first.
func ProcessWithRules[K comparable, In, B, Out any, P BroadcastProcessor[K, In, B, Out]](
	s Keyed[K, In], rules Stream[B], newFn func() P, options ...plan.Option,
) Stream[Out] {
	p, err := process.OfBroadcast(newFn)
	return processed[Out](s.stream.data.Job(), "ProcessWithRules", p, err, options, s.node(), rules.data.Node())
}

// ProcessEachWithRules is ProcessWithRules for a stream without keys.
func ProcessEachWithRules[In, B, Out any, P BroadcastEach[In, B, Out]](
	s Stream[In], rules Stream[B], newFn func() P, options ...plan.Option,
) Stream[Out] {
	p, err := process.OfBroadcastEach(newFn)
	return processed[Out](s.data.Job(), "ProcessEachWithRules", p, err, options, s.data.Node(), rules.data.Node())
}
