package streamtest

import (
	"iter"
	"sync"
	"time"

	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/watermark"
)

// Input is a stream of a script. T is any type that a stream's records may have, but columnar.Row.
type Input[T any] struct {
	feeding
	script *Script
	number int
	items  []element[T]
}

// element is an item on its way into the job: a record, or a watermark.
type element[T any] struct {
	Value    T
	IsRecord bool
	At       time.Time  // when the record happened
	Mark     *time.Time // nothing before it will come
	Place    int64      // the number of items up to and with this one
	Reading  int64      // which reader it comes from
}

// NewInput adds an input to a script. Its name is that of the source in plans, and unique in the script.
func NewInput[T any](s *Script, name string) *Input[T] {
	in := &Input[T]{script: s, number: len(s.inputs)}
	in.name = name
	s.inputs = append(s.inputs, &in.feeding)
	return in
}

// Emit gives records with that event time.
func (in *Input[T]) Emit(at time.Time, records ...T) {
	for _, r := range records {
		in.add(element[T]{Value: r, IsRecord: true, At: at})
	}
}

// Watermark says that nothing that happened before at will come; what comes nevertheless is late.
func (in *Input[T]) Watermark(at time.Time) { in.add(element[T]{At: at, Mark: &at}) }

func (in *Input[T]) add(e element[T]) {
	e.Place = int64(len(in.items) + 1)
	in.items = append(in.items, e)
	in.script.add(step{kind: item, input: in.number})
}

// Read gives the records, with their event time and the watermarks of the script. To test watermarks made by the program, give the stream to
// datastream.EventTime again. It is called once in each build of the job.
func (in *Input[T]) Read(job *plan.Job) datastream.Stream[T] {
	all := datastream.Read(job, source[T]{in}, plan.UID("streamtest."+in.name))
	marks := watermark.Punctuated(func(e element[T]) (time.Time, bool) {
		if e.Mark == nil {
			return time.Time{}, false
		}
		return *e.Mark, true
	})
	timed := datastream.EventTime(all, func(e element[T]) time.Time { return e.At }, marks, plan.UID("streamtest."+in.name+".time"))
	return datastream.FlatMap(timed, in.arrive)
}

// arrive sees each item as it goes into the job, and lets the records pass.
func (in *Input[T]) arrive(e element[T]) iter.Seq[T] {
	in.passed(e.Reading, e.Place)
	return func(yield func(T) bool) {
		if e.IsRecord {
			yield(e.Value)
		}
	}
}

// feed is an input whatever its records are.
type feed = *feeding

// feeding is how far an input has come: shared by the reader, the first function of the job, and who plays the script.
type feeding struct {
	name string

	mu      sync.Mutex // guards all below
	open    int        // items that may come
	isLast  bool       // no others will
	reading int64      // the reader at work: counts up
	dead    int64      // readers up to this one are of attempts that are over
	crash   int64      // readers up to this one fail
	place   int64      // items that have gone into the job, by the reader at work
	changed chan struct{}
}

// begin forgets former runs.
func (f *feeding) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open, f.isLast, f.dead, f.crash, f.place = 0, false, f.reading, f.reading, 0
	f.changed = make(chan struct{})
}

// tell wakes whoever waits for a change. mu is held.
func (f *feeding) tell() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// allow lets items come.
func (f *feeding) allow(open int, isLast bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open, f.isLast = open, isLast
	f.tell()
}

// bury says that the reader at work is of an attempt that is over, or, with kill, that is to be.
func (f *feeding) bury(kill bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = f.reading
	if kill {
		f.crash = f.reading
	}
	f.tell()
}

// read says that a reader begins after so many items, and returns its number.
func (f *feeding) read(place int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading++
	f.place = place
	f.tell()
	return f.reading
}

// passed says that an item has gone into the job.
func (f *feeding) passed(reading, place int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if reading == f.reading {
		f.place = place
		f.tell()
	}
}

// has says whether so many items have gone into an attempt that is not over; else changed is closed when that may be different.
func (f *feeding) has(items int) (yes bool, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reading > f.dead && f.place >= int64(items), f.changed
}

// orders are what a reader is to do.
type orders struct {
	open    int  // items that may have been given, in all
	isLast  bool // there will be no others
	fails   bool
	isTaken bool // what the reader has given has gone into the job
	changed <-chan struct{}
}

// orders returns what a reader that has given so many items is to do.
func (f *feeding) orders(reading int64, given int) orders {
	f.mu.Lock()
	defer f.mu.Unlock()
	return orders{f.open, f.isLast, reading <= f.crash, reading != f.reading || f.place >= int64(given), f.changed}
}
