package streamtest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/datastream/streamtest"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/window"
)

// sale is what a shop sold.
type sale struct {
	Shop  string
	Price int64
}

// takings is the program under test: what each shop takes a minute.
func takings(sales datastream.Stream[sale]) datastream.Stream[string] {
	minutes := datastream.Window(datastream.KeyBy(sales, func(s sale) string { return s.Shop }), window.Tumbling(time.Minute))
	return datastream.AggregateWindows(minutes, agg.Sum(func(s sale) int64 { return s.Price }), func(p window.Pane[string], sum int64) string {
		return fmt.Sprintf("%s %s: %d", p.Start.Format("15:04"), p.Key, sum)
	}, plan.UID("takings"))
}

// The job crashes in the middle of a minute, goes on with three tasks, and counts every sale once; one comes too late.
func Example() {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var script streamtest.Script
	sales := streamtest.NewInput[sale](&script, "sales")
	sales.Emit(noon, sale{"mill", 5}, sale{"bakery", 2})
	script.Checkpoint()
	sales.Emit(noon.Add(20*time.Second), sale{"mill", 10})
	script.Crash()
	sales.Emit(noon.Add(40*time.Second), sale{"mill", 1})
	script.Rescale(3)
	sales.Watermark(noon.Add(time.Minute))
	sales.Emit(noon.Add(30*time.Second), sale{"bakery", 1000})
	sales.Emit(noon.Add(90*time.Second), sale{"bakery", 3})

	var got *dataset.Result[string]
	err := script.Run(context.Background(), func(job *plan.Job) { got = datastream.Collect(takings(sales.Read(job))) })
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range got.Records() {
		fmt.Println(line)
	}
	// Unordered output:
	// 12:00 mill: 16
	// 12:00 bakery: 2
	// 12:01 bakery: 3
}
