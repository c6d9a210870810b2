package kafka_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/json"
	broker "github.com/millrace/millrace/internal/testkit/kafka"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// TestWatermarks counts by minute what lies in partitions that are far apart in time.
func TestWatermarks(t *testing.T) {
	watermarks(t, fake(t, kfake.SeedTopics(3, "apart")), "apart")
}

// watermarks does so on the fake and a real broker, with one task that reads one partition after the other: a watermark of the task's own would make what comes
// later late. Of each partition times ascend, so that nothing is late by its own. A partition without messages does not hold the others back for ever.
func watermarks(t *testing.T, addr, topic string) {
	t.Helper()
	epoch := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	var messages []broker.Message
	want := map[string]int64{}
	for p := range int32(2) {
		for i := range 2000 {
			at := epoch.Add(time.Duration(int(p)*50_000+i*7) * time.Second)
			messages = append(messages, broker.Message{Partition: p, Value: fmt.Appendf(nil, `{"user":"u%d","n":1}`, p), Time: at})
			want[fmt.Sprintf("u%d %s", p, at.Truncate(time.Minute).Format(time.TimeOnly))]++
		}
	}
	broker.Produce(t, addr, topic, messages...)
	type count struct {
		User string
		At   time.Time
		N    int64
	}
	for tasks := 1; tasks <= 2; tasks++ {
		var got *dataset.Result[count]
		o := runner.Options{Parallelism: tasks, BatchRows: 50}
		o.Streaming.Always = true
		_, err := runner.Run(t.Context(), func(job *plan.Job) {
			in := datastream.Read(job, kafka.Source[click]{
				Brokers: addr, Topic: topic, Format: json.Format[click]{}, Meta: kafka.Meta{Timestamp: "at", Offset: "off"}, Stop: kafka.AtLatest(),
			}, plan.UID("in"))
			timed := datastream.EventTime(in, func(c click) time.Time { return c.At }, watermark.Bounded(0))
			minutes := datastream.Window(datastream.KeyBy(timed, func(c click) string { return c.User }), window.Tumbling(time.Minute))
			got = datastream.Collect(datastream.AggregateWindows(minutes, agg.Count[click](), func(p window.Pane[string], n int64) count {
				return count{p.Key, p.Start, n}
			}, plan.UID("counts")))
		}, o)
		check(t, err)
		counts := map[string]int64{}
		for _, c := range got.Records() {
			counts[fmt.Sprintf("%s %s", c.User, c.At.UTC().Format(time.TimeOnly))] += c.N
		}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Errorf("%d tasks: -want +got\n%.2000s", tasks, diff)
		}
	}
}
