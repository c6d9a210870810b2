package rows

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// CanFuse says whether the records that first gives are what second takes, so that the columns in between can be spared.
func CanFuse(first, second Program) bool {
	return first.Tail.Whole && (len(second.Stages) == 0 || !second.Stages[0].FromColumns)
}

// Fuse returns the program that does first's work and then second's, without columns in between. CanFuse must say yes.
func Fuse(first, second Program) Program {
	return Program{Stages: append(slices.Clip(first.Stages), second.Stages...), Tail: second.Tail}
}

// Nodes returns the logical node, with its call site, of each stage.
func (p Program) Nodes() []string {
	nodes := make([]string, len(p.Stages))
	for i, s := range p.Stages {
		nodes[i] = s.Node
	}
	return nodes
}

// PassesOn says whether the program may pass columns of its input on as they are: it has no stage, and keeps whole records.
func (p Program) PassesOn() bool { return len(p.Stages) == 0 && p.Tail.bare != nil }

// passes returns the columns of from that are the record's fields, if they can be passed on: nil if the program does not pass on, or if a
// column is stored otherwise than the field.
func (p Program) passes(from *columnar.Schema) []int {
	if !p.PassesOn() {
		return nil
	}
	columns := make([]int, 0, len(p.Tail.record.Fields))
	for _, f := range p.Tail.record.Fields {
		i := from.Index(f.Name)
		if i < 0 || !from.Fields[i].Type.Equal(f.Type) || from.Fields[i].Nullable && !f.Nullable {
			return nil
		}
		columns = append(columns, i)
	}
	return columns
}

// Task says for whom a program is bound.
type Task struct {
	Index int
	// Bad takes a record that a fallible function refused; its error ends the batch.
	Bad func(node string, record any, err error) error
	// Ended is asked between records, now and then, whether the task is to end; its error ends the batch. nil: it never is.
	Ended func() error
}

// Runner is a program at work in one task. One goroutine uses it.
type Runner struct {
	program Program
	cursor  Cursor
	head    head
	push    any
	tail    tail
	full    func() bool
	batch   columnar.Batch
	next    int     // first of its rows that count not yet pushed
	passed  []int   // the batch's columns that are passed on behind the selectors'; nil: none are
	single  bool    // each record gives one
	time    []int64 // event times of the records collected, when some batch of theirs has them
}

// Full is the number of rows, and of bytes, at which a Runner's output is handed over.
const (
	fullRows  = columnar.DefaultRows
	fullBytes = 1 << 20
)

// Bind composes the program's functions for batches of the schema from. An error says which column does not fit which field.
func (p Program) Bind(from *columnar.Schema, task Task) (*Runner, error) {
	r := &Runner{program: p, passed: p.passes(from)}
	if r.passed != nil {
		r.tail = p.Tail.bare()
	} else {
		r.tail = p.Tail.open()
	}
	r.cursor = Cursor{task: task.Index, counts: make([]int64, len(p.Stages))}
	r.cursor.bad = func(stage int, record any, err error) error {
		return task.Bad(p.Stages[stage].Node, record, err)
	}
	r.single = !slices.ContainsFunc(p.Stages, func(s Stage) bool { return !s.single })
	open := p.Tail.head
	if len(p.Stages) > 0 {
		open = p.Stages[0].head
	}
	var err error
	if r.head, err = open(from); err != nil {
		return nil, err
	}
	r.push = r.tail.push()
	for i, s := range slices.Backward(p.Stages) {
		r.push = s.link(&r.cursor, i, r.push)
	}
	r.full = r.IsFull
	if task.Ended != nil {
		r.full = func() bool { return r.IsFull() || r.isEnded(task.Ended) }
	}
	return r, nil
}

// isEnded keeps the error for which the task is to end.
func (r *Runner) isEnded(ended func() error) bool {
	r.cursor.err = ended()
	return r.cursor.err != nil
}

// IsFull says whether the records collected make a full batch.
func (r *Runner) IsFull() bool {
	if r.passed != nil {
		return r.next > 0 && r.next == r.batch.Len // never in the middle of a batch
	}
	return r.tail.len() >= fullRows || r.tail.size() >= fullBytes
}

// IsWorthTaking says whether the records collected are so many that it costs more to copy their texts, when those of another batch come behind them, than
// to hand over a smaller batch.
func (r *Runner) IsWorthTaking() bool {
	return r.IsFull() || r.passed == nil && (r.tail.len() >= fullRows/2 || r.tail.size() >= fullBytes/2)
}

// Load takes the batch whose records the next calls of Run push. It must stay as it is until Run has returned false.
func (r *Runner) Load(b columnar.Batch) error {
	if r.passed != nil {
		b = b.Compact()
	}
	r.batch, r.next = b, 0
	r.tail.lend(b.Columns)
	return r.head.load(b)
}

// Run pushes records until the batch is done (false) or the output is full (true).
func (r *Runner) Run() (more bool, err error) {
	rows := r.batch.Rows()
	switch {
	case r.passed != nil:
		r.next = r.head.run(&r.cursor, r.next, rows, r.push, r.full)
	case r.batch.Time == nil:
		r.next = r.head.run(&r.cursor, r.next, rows, r.push, r.full)
		if r.time != nil {
			r.stampWith(columnar.NoTime)
		}
	case r.single:
		r.stampWith(columnar.NoTime)
		from := r.next
		r.next = r.head.run(&r.cursor, from, rows, r.push, r.full)
		r.stamp(from)
	default:
		r.stampWith(columnar.NoTime)
		for r.next < rows && r.cursor.err == nil && !r.full() {
			r.runTimed()
		}
	}
	return r.next < rows && r.cursor.err == nil, r.cursor.err
}

// stamp gives the records made of those from from to next their event times, one each.
func (r *Runner) stamp(from int) {
	if r.batch.Sel == nil {
		r.time = append(r.time, r.batch.Time[from:r.next]...)
		return
	}
	for _, row := range r.batch.Sel[from:r.next] {
		r.time = append(r.time, r.batch.Time[row])
	}
}

// runTimed pushes one record and gives its event time to the records made of it.
func (r *Runner) runTimed() {
	time := r.batch.Time[r.batch.Row(r.next)]
	r.next = r.head.run(&r.cursor, r.next, r.next+1, r.push, r.full)
	r.stampWith(time)
}

// stampWith gives an event time to the records that have none yet.
func (r *Runner) stampWith(time int64) {
	for len(r.time) < r.tail.len() {
		r.time = append(r.time, time)
	}
}

// Len returns the number of records that Take would return.
func (r *Runner) Len() int {
	if r.passed != nil {
		return r.batch.Len
	}
	return r.tail.len()
}

// Take returns the records collected so far as a batch: a fresh one, unless the program passes columns on.
func (r *Runner) Take() (columnar.Batch, error) {
	n := r.tail.len()
	columns, err := r.tail.finish()
	if err != nil {
		return columnar.Batch{}, err
	}
	if r.passed != nil {
		for _, c := range r.passed {
			columns = append(columns, r.batch.Columns[c])
		}
		out := columnar.Batch{Schema: r.program.Tail.Schema, Columns: columns, Len: r.batch.Len, Time: r.batch.Time}
		r.batch = columnar.Batch{}
		return out, nil
	}
	b := columnar.Batch{Schema: r.program.Tail.Schema, Columns: columns, Len: n}
	b.Time, r.time = r.time, nil
	return b, nil
}

// Counts returns how many records each stage has given so far. The slice is the Runner's.
func (r *Runner) Counts() []int64 { return r.cursor.counts }

// Where says which node and record were running last: for messages about panics.
func (r *Runner) Where() string {
	if r == nil || len(r.program.Stages) == 0 {
		return ""
	}
	return fmt.Sprintf("%s, record %d of the batch", r.program.Stages[r.cursor.stage].Node, r.cursor.row)
}
