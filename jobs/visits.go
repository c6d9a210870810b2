package jobs

import (
	"errors"
	"flag"
	"time"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/watermark"
)

// Visits is where a job finds visits and leaves what it makes of them. Files are named in the order of time, and their visits come Late out of
// order at most; those that come later still are dropped. With Watch the job goes on as files come.
type Visits struct {
	In, Out string
	Late    time.Duration
	Watch   time.Duration
	Mode    file.Mode
}

// flags binds the parameters; in and out say what lines have.
func (v *Visits) flags(f *flag.FlagSet, in, out string) {
	f.StringVar(&v.In, "in", v.In, "CSV files of "+in+": `path`, glob or folder")
	f.StringVar(&v.Out, "out", v.Out, "output `folder`, for files of "+out)
	f.DurationVar(&v.Late, "late", v.Late, "`time` by which visits may be out of order")
	f.DurationVar(&v.Watch, "watch", v.Watch, "look for new files in that `interval`, without end; 0: the files there are")
	f.Var(&v.Mode, "mode", "what becomes of data in the output folder: error, append, overwrite")
}

func (v *Visits) validate() error {
	if v.Late < 0 || v.Watch < 0 {
		return errors.New("--late and --watch must not be negative")
	}
	return needed(param{"in", v.In}, param{"out", v.Out})
}

// Visit is one line: somebody was there, or something was done.
type Visit struct {
	Name string
	Time time.Time
}

func (v Visit) name() string  { return v.Name }
func (v Visit) at() time.Time { return v.Time }

// read reads visits in event time. The files are read by name, one after the other, so that a later part of one does not come before an earlier
// one.
func (v *Visits) read(job *plan.Job) datastream.Stream[Visit] {
	files := file.Source[Visit]{Path: v.In, Format: csv.Format[Visit]{}, SplitBytes: wholeFiles, Watch: v.Watch}
	all := datastream.Read(job, files, plan.UID("in"))
	return datastream.EventTime(all, Visit.at, watermark.Bounded(v.Late), plan.UID("time"))
}

// writeVisits writes what was made of visits.
func writeVisits[T any](s datastream.Stream[T], v Visits) {
	datastream.Write(s, file.Sink[T]{Path: v.Out, Format: csv.Format[T]{}, Mode: v.Mode}, plan.UID("out"))
}
