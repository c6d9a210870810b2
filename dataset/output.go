package dataset

import (
	"fmt"
	"io"
	"sync"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/plan"
)

// Write hands the records to a sink, which makes them visible when the job is complete.
func Write[T any](d DataSet[T], sink connectors.TypedSink[T], options ...plan.Option) {
	if err := sink.Validate(); err != nil {
		d.job.Fail("Write", err)
	}
	d.job.Add(plan.Write{Sink: sink}, []*plan.Node{d.node}, options...)
}

// Result holds the records of a collected data set once the job has run.
type Result[T any] struct {
	mu      sync.Mutex // guards records
	records []T
}

// Records returns the records: all of them after the job has run with success, none before. Their order is that of the data set where it
// is sorted, else not defined.
func (r *Result[T]) Records() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.records
}

// Collect brings all records into the memory of the program that runs the job.
func Collect[T any](d DataSet[T]) *Result[T] {
	r := &Result[T]{}
	collect(d, "Collect", 0, func(v T) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.records = append(r.records, v)
		return nil
	})
	return r
}

// Print writes the first n records to w, one a line, as %+v prints them, when the job is complete.
func Print[T any](d DataSet[T], w io.Writer, n int64) {
	collect(First(d, n), "Print", 0, func(v T) error {
		_, err := fmt.Fprintf(w, "%+v\n", v)
		return err
	})
}

func collect[T any](d DataSet[T], title string, limit int64, take func(T) error) {
	c, err := codec.Of[T]()
	if err != nil {
		d.job.Fail(title, err)
		return
	}
	into := func(b columnar.Batch) error {
		decoder, err := c.Decoder(b.Schema)
		if err != nil {
			return err
		}
		records, err := decoder.Decode(b, nil)
		if err != nil {
			return err
		}
		for _, v := range records {
			if err := take(v); err != nil {
				return err
			}
		}
		return nil
	}
	d.job.Add(plan.Collect{Title: title, Limit: limit, Into: into}, []*plan.Node{d.node})
}
