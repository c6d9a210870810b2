package datastream

import (
	"context"

	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/process"
)

// AsyncSettings say how requests are made.
type AsyncSettings struct {
	// RequestSettings are order, capacity, timeout and retries. Their zero value asks for 100 records at a time, a minute each, without
	// retries, and gives the answers in the order of the records.
	process.RequestSettings
	// OnBad says what becomes of records whose requests failed in the end. The zero value lets the job fail.
	OnBad onbad.Policy
}

// RequestSettings are the settings of single requests.
type RequestSettings = process.RequestSettings

// Retry says how often a request that failed is made again.
type Retry = process.Retry

// Async gives f of each record, with many calls of f at work at a time, each in a goroutine of its own: for functions that wait for others,
// such as a data base. An answer has the time of its record, and comes before any watermark that came after the record. f must return soon
// after its context has ended. Records whose answers have not been given on are part of checkpoints and asked about again after a restart: so
// f may be called more than once for a record, but its answer is given once.
func Async[In, Out any](s Stream[In], f func(context.Context, In) (Out, error), a AsyncSettings, options ...plan.Option) Stream[Out] {
	job := s.data.Job()
	r, err := process.OfRequests(f)
	for _, err := range []error{err, a.Validate(), a.OnBad.Validate()} {
		if err != nil {
			job.Fail("Async", err)
			return of[Out](job, s.data.Node())
		}
	}
	return of[Out](job, job.Add(plan.Async{Requests: r, Settings: a.RequestSettings, OnBad: a.OnBad}, []*plan.Node{s.data.Node()}, options...))
}
