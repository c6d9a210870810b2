package task

import (
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/watermark"
)

// View is what a task shows of its event time.
type View struct {
	Operators []OperatorView
	Lag       map[string]int64 // by split, of sources that know
	Turns     int64            // how often the task has done something
}

// OperatorView is what an operator shows.
type OperatorView struct {
	Watermark stream.Watermark
	// Behind is the input, in the order of the stage's edges and after them the operator before, that holds the watermark back; -1: none.
	Behind int
	Splits []watermark.Split // of an operator that makes watermarks by split
	Marks  bool              // it makes watermarks
	State  int64             // bytes of memory, of an operator with state
}

// splitting is an operator that keeps a watermark for each split.
type splitting interface{ Splits() []watermark.Split }

// Inspect has look called with a view of the task, on the task's goroutine, which it must not block. Nothing is called when the task has ended.
// Any goroutine may call it.
func (t *Task) Inspect(look func(View)) { t.notify(notice{kind: inspected, look: look}) }

func (t *Task) view() View {
	v := View{Turns: t.turns}
	for _, l := range t.chain.links {
		o := OperatorView{Watermark: l.told}
		if l.marker != nil {
			o.Watermark, o.Marks = l.marked.Watermark, true
		}
		o.Behind, _ = l.merge.Behind()
		if l.stateful != nil && l.env.Memory != nil {
			o.State = l.env.Memory.Used()
		}
		if s, ok := l.op.(splitting); ok {
			o.Splits = s.Splits()
		}
		v.Operators = append(v.Operators, o)
	}
	if t.fetcher != nil {
		v.Lag = t.fetcher.Lag()
	}
	return v
}
