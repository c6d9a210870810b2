package jobs

import (
	"errors"
	"flag"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/connectors/socket"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// WordStream counts words as they come, from a socket or a topic: those of each window or, without windows, those so far, each time a word comes.
// Windows over a topic are in the time of its messages, those over a socket in the time at which lines come.
type WordStream struct {
	Socket  string
	Brokers Brokers
	Topic   string
	Start   string
	Once    bool
	Exact   bool
	Window  time.Duration // 0: none
	Late    time.Duration
	Idle    time.Duration
	Output  Output
}

// Flags implements runner.Job.
func (w *WordStream) Flags(f *flag.FlagSet) {
	f.StringVar(&w.Socket, "socket", w.Socket, "connect to `host:port`, or unix: and a path, and read lines; what comes while nobody is connected is lost")
	w.Brokers.flags(f)
	f.StringVar(&w.Topic, "topic", w.Topic, "read messages of a Kafka `topic`; several with commas between")
	startFlag(f, &w.Start)
	f.BoolVar(&w.Once, "once", w.Once, "end with the connection, or with the newest message there is now")
	f.BoolVar(&w.Exact, "exact", w.Exact, "tell upper from lower case")
	f.DurationVar(&w.Window, "window", w.Window, "count within windows of that `size`; 0: a word's count so far each time that it comes")
	f.DurationVar(&w.Late, "late", w.Late, "`time` by which messages may be out of order, with windows")
	f.DurationVar(&w.Idle, "idle", w.Idle, "`time` after which windows do not wait for a partition that is silent")
	w.Output.flags(f, "CSV files of word,count or, with windows, start,word,count")
}

// Validate reports parameters that cannot work.
func (w *WordStream) Validate() error {
	if w.Window < 0 || w.Late < 0 || w.Idle < 0 {
		return errors.New("--window, --late and --idle must not be negative")
	}
	if err := oneOf(param{"socket", w.Socket}, param{"topic", w.Topic}); err != nil {
		return err
	}
	if w.Topic != "" {
		if err := needed(param{"brokers", w.Brokers.Addresses}); err != nil {
			return err
		}
	}
	_, err := w.reading().from()
	return errors.Join(err, w.Output.validate(w.Brokers))
}

func (w *WordStream) reading() reading { return reading{w.Topic, w.Start, w.Once} }

// WindowCount is a word and how often it occurs in the window that begins at Start.
type WindowCount struct {
	Start time.Time
	Word  string
	N     int64
}

// Build implements runner.Job.
func (w *WordStream) Build(job *plan.Job) {
	lines, windows := w.lines(job)
	words := datastream.KeyBy(datastream.FlatMap(lines, text.Words), caseOf(w.Exact))
	if w.Window == 0 {
		counts := datastream.Aggregate(words, agg.Count[string](), func(word string, n int64) Count { return Count{word, n} }, plan.UID("counts"))
		deliver(counts, w.Output, w.Brokers, csv.Format[Count]{}, func(c Count) string { return c.Word })
		return
	}
	counts := datastream.AggregateWindows(datastream.Window(words, windows), agg.Count[string](), func(p window.Pane[string], n int64) WindowCount {
		return WindowCount{p.Start, p.Key, n}
	}, plan.UID("counts"))
	deliver(counts, w.Output, w.Brokers, csv.Format[WindowCount]{}, func(c WindowCount) string { return c.Word })
}

// lines reads the lines, and says which windows there are of them.
func (w *WordStream) lines(job *plan.Job) (datastream.Stream[string], window.Assigner) {
	if w.Topic == "" {
		in := socket.Source[string]{Address: w.Socket, Format: text.Lines{}, Bounded: w.Once}
		return datastream.Read(job, in, plan.UID("in")), window.Tumbling(w.Window).ProcessingTime()
	}
	start, err := w.reading().from()
	if err != nil {
		job.Fail("wordstream", err)
	}
	in := datastream.Read(job, kafka.Source[note]{
		Brokers: w.Brokers.Addresses, Security: w.Brokers.security(), Topic: w.Topic, Format: notes{}, Meta: kafka.Meta{Timestamp: "at"},
		Start: start, Stop: w.reading().to(),
	}, plan.UID("in"))
	timed := datastream.EventTime(in, func(n note) time.Time { return n.At }, watermark.Bounded(w.Late).Idle(w.Idle), plan.UID("time"))
	return datastream.Map(timed, func(n note) string { return n.Text }), window.Tumbling(w.Window)
}

// note is a message of text.
type note struct {
	Text string `col:"value"`
	At   time.Time
}

// notes is the format of messages of text.
type notes struct{ text.Lines }

// Element ties the format to its records' type.
func (notes) Element() (zero note) { return zero }

// caseOf returns what words are counted as.
func caseOf(exact bool) func(string) string {
	if exact {
		return func(word string) string { return word }
	}
	return strings.ToLower
}
