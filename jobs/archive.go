package jobs

import (
	"errors"
	"flag"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/kafka"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/watermark"
)

// Archive keeps the messages of topics as Parquet files, in folders by their time, each message in one file once. Files become visible when they
// are large enough or old enough, so that there are few; a job that goes on from its state neither leaves a message out nor writes one twice.
type Archive struct {
	Brokers Brokers
	Topic   string
	Start   string
	Once    bool
	Columns string // of messages that are JSON: "id bigint, user string"; "": messages are text
	Binary  bool   // messages, and keys, are not text
	Time    string // the column that says a message's time; "": the time that Kafka has of it
	Folders string // as package time lays out times: "dt=2006-01-02"; "": none
	Zone    string // where days begin
	MiB     int64  // of a file
	Every   time.Duration
	Idle    time.Duration
	Mark    time.Duration // how long behind the end of a folder's time it is marked; 0: never
	Codec   string
	Files   int
	Bad     int64
	Rate    float64 // messages a second; 0: as many as go
	Out     string
	Mode    file.Mode
}

// NewArchive returns the job with its defaults.
func NewArchive() *Archive {
	return &Archive{Start: "earliest", Folders: "dt=2006-01-02", Zone: "UTC", MiB: 128, Every: 15 * time.Minute, Idle: time.Minute, Codec: "zstd"}
}

// Flags implements runner.Job.
func (a *Archive) Flags(f *flag.FlagSet) {
	a.Brokers.flags(f)
	f.StringVar(&a.Topic, "topic", a.Topic, "Kafka `topic`; several with commas between")
	startFlag(f, &a.Start)
	f.BoolVar(&a.Once, "once", a.Once, "end with the newest message there is now")
	f.StringVar(&a.Columns, "columns", a.Columns, "`columns` of messages that are JSON objects: \"id bigint, user string, at timestamp\"; default: a message is one string")
	f.BoolVar(&a.Binary, "binary", a.Binary, "keys and messages are not text")
	f.StringVar(&a.Time, "time", a.Time, "`column` of --columns that says when it was; default: the message's timestamp")
	f.StringVar(&a.Folders, "folders", a.Folders, "`layout` of the folders by time, as Go writes 2006-01-02 15:04:05; \"\": none")
	f.StringVar(&a.Zone, "zone", a.Zone, "time `zone` of the folders, such as Europe/Berlin")
	f.Int64Var(&a.MiB, "size", a.MiB, "a file is finished when it has so many `MiB`")
	f.DurationVar(&a.Every, "every", a.Every, "or so long after its first message: `time`")
	f.DurationVar(&a.Idle, "idle", a.Idle, "or when nothing has come for its folder for that `time`")
	f.DurationVar(&a.Mark, "mark", a.Mark, "write _SUCCESS into a folder when messages of all partitions that are not idle are so much `time` behind its end; 0: do not")
	f.StringVar(&a.Codec, "codec", a.Codec, "compression: `name` of snappy, zstd, gzip, lz4, none")
	f.IntVar(&a.Files, "files", a.Files, "write at most so many files of a folder at a time; 0: one a task")
	f.Int64Var(&a.Bad, "bad", a.Bad, "leave out up to so many messages that cannot be read; -1: any `number`")
	f.Float64Var(&a.Rate, "rate", a.Rate, "`messages` a second at most; 0: as many as go")
	f.StringVar(&a.Out, "out", a.Out, "output `folder`")
	f.Var(&a.Mode, "mode", "what becomes of data in the output folder that is not the job's own: error, append")
}

// Validate reports parameters that cannot work.
func (a *Archive) Validate() error {
	if err := needed(param{"brokers", a.Brokers.Addresses}, param{"topic", a.Topic}, param{"out", a.Out}); err != nil {
		return err
	}
	if a.MiB < 1 || a.Every <= 0 || a.Idle <= 0 || a.Rate < 0 {
		return errors.New("--size, --every and --idle must be positive, --rate must not be negative")
	}
	if a.Mark < 0 || a.Mark > 0 && (a.Columns != "" || a.Folders == "") {
		return errors.New("--mark is for --folders by the messages' own time, without --columns, and must not be negative")
	}
	if a.Columns != "" && a.Binary {
		return errors.New("--columns and --binary exclude each other")
	}
	_, err := a.settings()
	return err
}

// archiving is what an Archive's parameters mean.
type archiving struct {
	start   kafka.Start
	columns *columnar.Schema // nil: messages are not taken apart
	buckets file.Buckets
	codec   parquet.Codec
}

func (a *Archive) settings() (s archiving, err error) {
	fail := func(flag string, cause error) error { return fmt.Errorf("--%s: %w", flag, cause) }
	if s.start, err = (reading{start: a.Start}).from(); err != nil {
		return s, err
	}
	if a.Columns != "" {
		if s.columns, err = parseSchema(a.Columns); err != nil {
			return s, fail("columns", err)
		}
	}
	if err = s.codec.Set(a.Codec); err != nil {
		return s, fail("codec", err)
	}
	if a.Folders == "" {
		return s, nil
	}
	zone, err := time.LoadLocation(a.Zone)
	if err != nil {
		return s, fail("zone", err)
	}
	s.buckets = file.Buckets{Layout: a.Folders, Column: a.Time, Zone: zone, Mark: a.Mark > 0, After: a.Mark}
	if a.Time != "" && (s.columns == nil || s.columns.Index(a.Time) < 0) {
		return s, fail("time", fmt.Errorf("there is no column %q in --columns", a.Time))
	}
	return s, nil
}

// Build implements runner.Job.
func (a *Archive) Build(job *plan.Job) {
	s, err := a.settings()
	if err != nil {
		job.Fail("archive", err)
		return
	}
	switch {
	case s.columns != nil:
		in := source(a, s, objects{schema: s.columns}, kafka.Meta{})
		in.OnBad = tolerate(a.Bad)
		keep(a, s, datastream.Read(job, in, plan.UID("in")))
	case a.Binary:
		in := datastream.Read(job, source(a, s, kafka.Raw{}, kafka.Meta{}), plan.UID("in"))
		keep(a, s, timed(a, in, func(r kafka.Record) time.Time { return r.Timestamp }))
	default:
		in := timed(a, datastream.Read(job, source(a, s, messages{}, meta), plan.UID("in")), func(m Message) time.Time { return m.Timestamp })
		keep(a, s, datastream.From(dataset.Parse(in.DataSet(), checkText, tolerate(a.Bad))))
	}
}

// Message is a message of text.
type Message struct {
	Key       *string
	Value     string
	Timestamp time.Time
	Topic     string
	Partition int32
	Offset    int64
}

// messages is the format of messages of text.
type messages struct{ text.Lines }

// Element ties the format to its records' type.
func (messages) Element() (zero Message) { return zero }

// checkText refuses a message whose key or value is not text: no reader of Parquet would take it.
func checkText(m Message) (Message, error) {
	if !utf8.ValidString(m.Value) || m.Key != nil && !utf8.ValidString(*m.Key) {
		return m, fmt.Errorf("%s-%d (offset %d): the message is not text; --binary keeps messages as they are", m.Topic, m.Partition, m.Offset)
	}
	return m, nil
}

// meta names what is kept of a message besides its value.
var meta = kafka.Meta{Key: "key", Timestamp: "timestamp", Topic: "topic", Partition: "partition", Offset: "offset"}

// source reads topics. Of messages that are kept as they are it refuses none.
func source[T any](a *Archive, s archiving, format formats.Typed[T], m kafka.Meta) kafka.Source[T] {
	return kafka.Source[T]{
		Brokers: a.Brokers.Addresses, Security: a.Brokers.security(), Topic: a.Topic, Format: format, Meta: m,
		Start: s.start, Stop: reading{once: a.Once}.to(), Rate: a.Rate,
	}
}

// timed has event time pass, if folders are to be marked. What comes out of order may come until then.
func timed[T any](a *Archive, in datastream.Stream[T], at func(T) time.Time) datastream.Stream[T] {
	if a.Mark == 0 {
		return in
	}
	return datastream.EventTime(in, at, watermark.Bounded(0).Idle(a.Idle), plan.UID("time"))
}

// keep writes messages to files.
func keep[T any](a *Archive, s archiving, in datastream.Stream[T]) {
	datastream.Write(in, file.Sink[T]{
		Path: a.Out, Format: parquet.Format[T]{Codec: s.codec}, Mode: a.Mode, Files: a.Files, Buckets: s.buckets,
		Rolling: file.Rolling{Size: a.MiB << 20, Every: a.Every, Idle: a.Idle},
	}, plan.UID("out"))
}
