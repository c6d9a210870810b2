package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/generate"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/watermark"
)

// trial is a user's job that does what a test wants of it.
type trial struct {
	Rows     int64
	Out      string
	Delay    time.Duration
	Panic    bool
	BadKey   bool
	Print    bool
	Garbage  int
	Groups   bool
	Password string
	Lookup   string
	Endless  bool
	Renamed  bool
	Silent   bool
}

func (j *trial) Flags(f *flag.FlagSet) {
	f.Int64Var(&j.Rows, "rows", j.Rows, "how many `records`")
	f.StringVar(&j.Out, "out", j.Out, "output `folder`")
	f.DurationVar(&j.Delay, "delay", j.Delay, "`time` a record takes")
	f.BoolVar(&j.Panic, "panic", j.Panic, "panic at the last record")
	f.BoolVar(&j.BadKey, "badkey", j.BadKey, "group by a key that cannot be one")
	f.BoolVar(&j.Print, "print", j.Print, "print records")
	f.IntVar(&j.Garbage, "garbage", j.Garbage, "`bytes` to allocate for a record")
	f.BoolVar(&j.Groups, "groups", j.Groups, "count the records by themselves")
	f.StringVar(&j.Password, "password", j.Password, "a `secret`")
	f.BoolVar(&j.Endless, "endless", j.Endless, "as a stream: sums of groups, in event time of a millisecond a record")
	f.BoolVar(&j.Renamed, "renamed", j.Renamed, "give the state of --endless another name")
	f.BoolVar(&j.Silent, "silent", j.Silent, "with --endless: read a second source, which gives a record in an hour")
	f.StringVar(&j.Lookup, "lookup", j.Lookup, "a `file` whose text the items have")
}

func (j *trial) Validate() error {
	if j.Rows < 0 {
		return errors.New("--rows is negative")
	}
	return nil
}

// Item is a record of trial.
type Item struct {
	ID   int64
	Text string
}

func (j *trial) Build(job *plan.Job) {
	if j.Endless {
		j.buildStream(job)
		return
	}
	items := dataset.Map(dataset.Generate(job, j.Rows, func(i int64) int64 { return i }), j.work)
	if j.BadKey {
		items = dataset.Aggregate(dataset.GroupBy(items, func(i Item) *Item { return &i }), agg.Count[Item](), func(k *Item, _ int64) Item { return *k })
	}
	if j.Groups {
		items = dataset.Aggregate(dataset.GroupBy(items, func(i Item) int64 { return i.ID * 7 }), agg.Count[Item](), func(k, n int64) Item {
			return Item{k, fmt.Sprint(n)}
		})
	}
	if j.Print {
		dataset.Print(items, os.Stdout, 3)
	}
	if j.Out != "" {
		dataset.Write(items, file.Sink[Item]{Path: j.Out, Format: csv.Format[Item]{}})
	}
}

// buildStream builds a job with state, a sum for each of a hundred groups.
func (j *trial) buildStream(job *plan.Job) {
	rows := datastream.Read(job, generate.Source[int64]{Endless: true, Rate: 10_000, At: func(i int64) int64 { return i }}, plan.UID("rows"))
	at := func(i int64) time.Time { return time.UnixMilli(1_600_000_000_000 + i) }
	timed := datastream.EventTime(rows, at, watermark.Monotonous(), plan.UID("time"))
	if j.Silent {
		silent := datastream.Read(job, generate.Source[int64]{Endless: true, Rate: 1.0 / 3600, SplitRows: 1000, At: func(i int64) int64 { return i }}, plan.UID("silent"))
		timed = datastream.Union(timed, datastream.EventTime(silent, at, watermark.Monotonous(), plan.UID("silent-time")))
	}
	items := datastream.KeyBy(datastream.Map(timed, j.work), func(i Item) int64 { return i.ID % 100 })
	uid := "sums"
	if j.Renamed {
		uid = "totals"
	}
	sums := datastream.Aggregate(items, agg.Sum(func(i Item) int64 { return i.ID }), func(k, sum int64) Item { return Item{k, fmt.Sprint(sum)} }, plan.UID(uid))
	datastream.Write(sums, file.Sink[Item]{Path: j.Out, Format: csv.Format[Item]{}}, plan.UID("out"))
}

var kept []byte // keeps the compiler from leaving out what is allocated

func (j *trial) work(i int64) Item {
	if i == 0 && j.Delay > 0 {
		fmt.Fprintln(os.Stderr, "at work")
	}
	time.Sleep(j.Delay)
	if j.Panic && i == j.Rows-1 {
		panic("the trial's last record")
	}
	text := "item"
	if j.Lookup != "" {
		data, err := os.ReadFile(j.Lookup)
		if err != nil {
			panic(err)
		}
		text = strings.TrimSpace(string(data))
	}
	if j.Garbage > 0 {
		kept = make([]byte, j.Garbage)
		text = string(kept[:4])
	}
	return Item{i, text}
}
