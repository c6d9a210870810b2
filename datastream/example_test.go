package datastream_test

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream/watermark"
)

// visit is what a user did, and when.
type visit struct {
	User string
	Page string
	At   time.Time
}

// lastPage says which page a user was on when nothing has come of them for half an hour.
type lastPage struct {
	Last state.Value[visit] `state:"last"`
}

const pause = 30 * time.Minute

func (l *lastPage) OnRecord(ctx *datastream.Context[string, string], v visit) error {
	if last, ok := l.Last.Get(); ok {
		ctx.DeleteTimer(last.At.Add(pause))
	}
	l.Last.Set(v)
	ctx.SetTimer(v.At.Add(pause))
	return nil
}

func (l *lastPage) OnTimer(ctx *datastream.Context[string, string], _ time.Time) error {
	last, _ := l.Last.Get()
	ctx.Emit(fmt.Sprintf("%s left from %s", ctx.Key(), last.Page))
	l.Last.Clear()
	return nil
}

func ExampleProcess() {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	visits := []visit{{"ann", "/", noon}, {"ann", "/cart", noon.Add(time.Minute)}, {"bob", "/help", noon.Add(2 * time.Minute)}}
	var left *dataset.Result[string]
	_, err := runner.Run(context.Background(), func(job *plan.Job) {
		timed := datastream.EventTime(datastream.FromSlice(job, visits), func(v visit) time.Time { return v.At }, watermark.Monotonous())
		byUser := datastream.KeyBy(timed, func(v visit) string { return v.User })
		left = datastream.Collect(datastream.Process(byUser, func() *lastPage { return &lastPage{} }, plan.UID("last-page")))
	}, runner.Options{Parallelism: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range left.Records() {
		fmt.Println(line)
	}
	// Unordered output:
	// ann left from /cart
	// bob left from /help
}
