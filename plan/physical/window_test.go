package physical_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// counted counts sales by shop and window.
func counted(a window.Assigner, count agg.Aggregate[sale, int64], options ...plan.Option) func(*plan.Job) {
	return func(job *plan.Job) {
		in := datastream.Read(job, generate.Source[sale]{Rows: 1000, At: func(i int64) sale { return sale{Shop: i} }})
		timed := datastream.EventTime(in, func(s sale) time.Time { return time.UnixMicro(s.Amount) }, watermark.Monotonous())
		w := datastream.Window(datastream.KeyBy(timed, shopOf), a)
		datastream.Collect(datastream.AggregateWindows(w, count, func(_ window.Pane[int64], n int64) int64 { return n }, append(options, plan.UID("counts"))...))
	}
}

// TestWindowPlans prints which windows are computed in two steps.
func TestWindowPlans(t *testing.T) {
	ofUser := agg.Of(agg.Func[sale, int64, int64]{
		Name: "counted", Add: func(n *int64, _ sale) { *n++ }, Merge: func(n *int64, by int64) { *n += by }, Result: func(n int64) int64 { return n },
	})
	hours, count := window.Tumbling(time.Hour), agg.Count[sale]()
	testPlans(t, "testdata/windows", map[string]func(*plan.Job){
		"windows":                   counted(hours, count),
		"sliding":                   counted(window.Sliding(time.Hour, time.Minute), count),
		"in one phase":              counted(hours, count, plan.InOnePhase()),
		"of the user":               counted(hours, ofUser),
		"of the user in two phases": counted(hours, ofUser, plan.InTwoPhases()),
		"of sketches":               counted(hours, agg.ApproxDistinct(func(s sale) string { return s.Item })),
		"sessions":                  counted(window.Session(time.Hour), count),
		"by the clock":              counted(hours.ProcessingTime(), count),
	})
}
