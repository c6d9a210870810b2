package jobs

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/blackhole"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/nexmark"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/watermark"
)

// Nexmark runs a query of the Nexmark benchmark (github.com/nexmark/nexmark) over generated events, or over Parquet files of them. Events may be
// late by four seconds.
type Nexmark struct {
	Query  string  // q0 to q5, q7, q8
	Events int64   // generated; 0: without end
	Rate   float64 // events a second; 0: as many as go
	In     string  // Parquet files instead
	Rounds int     // how often those are read, as if the market went on (see nexmark.Rounds); Events then tells how many they have. Default 1
	Out    string  // folder of CSV files; "": results are counted and forgotten
	Mode   file.Mode
}

// Flags implements runner.Job.
func (j *Nexmark) Flags(f *flag.FlagSet) {
	f.StringVar(&j.Query, "query", j.Query, "`name` of the query: "+strings.Join(slices.Sorted(maps.Keys(queries)), ", "))
	f.Int64Var(&j.Events, "events", j.Events, "`number` of events to generate; 0: without end")
	f.Float64Var(&j.Rate, "rate", j.Rate, "`events` a second; 0: as many as go")
	f.StringVar(&j.In, "in", j.In, "read Parquet `files` of events instead of generating them")
	f.IntVar(&j.Rounds, "rounds", j.Rounds, "read the files so many `times`, as if the market went on; --events is how many they have then")
	f.StringVar(&j.Out, "out", j.Out, "`folder` for the results as CSV files; without it they are counted and forgotten")
	f.Var(&j.Mode, "mode", "what becomes of data in the output folder: error, append, overwrite")
}

// queries has what builds each query.
var queries = map[string]func(*Nexmark, *plan.Job){
	"q0": passThrough, "q1": currency, "q2": selection, "q3": localItems, "q4": averagePrice, "q5": hotItems, "q7": highestBid, "q8": newUsers,
}

// Validate reports parameters that cannot work.
func (j *Nexmark) Validate() error {
	if queries[j.Query] == nil {
		return fmt.Errorf("--query is %q; there are %s", j.Query, strings.Join(slices.Sorted(maps.Keys(queries)), ", "))
	}
	return nil
}

// Build implements runner.Job.
func (j *Nexmark) Build(job *plan.Job) {
	build := queries[j.Query]
	if build == nil {
		job.Fail("nexmark", j.Validate())
		return
	}
	build(j, job)
}

// stamped is a record that knows when it was.
type stamped interface{ at() time.Time }

// events gives the events of a kind with those columns that T has, in event time.
func events[T stamped](j *Nexmark, job *plan.Job, kind nexmark.Kind) datastream.Stream[T] {
	late := watermark.Bounded(4*time.Second).Align("market", drift)
	return datastream.EventTime(untimed[T](j, job, kind), T.at, late, plan.Name("EventTime"))
}

// drift is how far one kind of event, or one file, may be ahead of another. Kinds are read for themselves, and there are many more of some than of others:
// those that are few would be far ahead, and what waits for the others would pile up. A second of reading files is up to an hour of the market.
const drift = 20 * time.Minute

// untimed gives the events of a kind where time does not matter.
func untimed[T any](j *Nexmark, job *plan.Job, kind nexmark.Kind) datastream.Stream[T] {
	if j.In == "" {
		return datastream.Read[T](job, nexmark.Source[T]{Events: j.Events, Only: kind, Rate: j.Rate}, plan.UID("events of "+kindNames[kind]))
	}
	all := dataset.Read(job, files[T](j))
	if kind == nexmark.All {
		return datastream.From(all)
	}
	return datastream.From(dataset.Where(all, expr.Col("event_type").Eq(int32(kind-1))))
}

func files[T any](j *Nexmark) connectors.TypedSource[T] {
	once := file.Source[T]{Path: j.In, Format: parquet.Format[T]{}, SplitBytes: wholeFiles}
	if j.Rounds <= 1 {
		return once
	}
	return nexmark.Rounds[T]{TypedSource: once, Rounds: j.Rounds, Events: j.Events}
}

// kindNames tell the sources of a query apart; the rate may change when a job goes on.
var kindNames = map[nexmark.Kind]string{nexmark.All: "all kinds", nexmark.People: "people", nexmark.Auctions: "auctions", nexmark.Bids: "bids"}

// wholeFiles makes each file one split: its events are in order, and the next part of a file must not come before the one before has been read.
const wholeFiles = 1 << 62

// results sends results where the user wants them.
func results[T any](j *Nexmark, s datastream.Stream[T]) {
	var sink connectors.TypedSink[T] = blackhole.Sink[T]{}
	if j.Out != "" {
		sink = file.Sink[T]{Path: j.Out, Format: csv.Format[T]{}, Mode: j.Mode}
	}
	datastream.Write(s, sink, plan.UID("results"))
}
