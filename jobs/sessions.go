package jobs

import (
	"errors"
	"flag"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/watermark"
	"github.com/millrace/millrace/stream/window"
)

// Sessions gives each user's sessions: visits with at most Gap between one and the next. Files are named in the order of time, and their visits
// come Late out of order at most. With Watch it goes on as files come; a session is written when event time has passed its end, and visits that
// come later still are dropped.
type Sessions struct {
	In, Out string
	Gap     time.Duration
	Late    time.Duration
	Watch   time.Duration
	Mode    file.Mode
}

// Flags implements runner.Job.
func (s *Sessions) Flags(f *flag.FlagSet) {
	f.StringVar(&s.In, "in", s.In, "CSV files of user,time: `path`, glob or folder")
	f.StringVar(&s.Out, "out", s.Out, "output `folder`, for files of user,first,last,visits")
	f.DurationVar(&s.Gap, "gap", s.Gap, "`time` without a visit that ends a session")
	f.DurationVar(&s.Late, "late", s.Late, "`time` by which visits may be out of order")
	f.DurationVar(&s.Watch, "watch", s.Watch, "look for new files in that `interval`, without end; 0: the files there are")
	f.Var(&s.Mode, "mode", "what becomes of data in the output folder: error, append, overwrite")
}

// Visit is one line: somebody was there, or something was done.
type Visit struct {
	Name string
	Time time.Time
}

func (v Visit) name() string  { return v.Name }
func (v Visit) at() time.Time { return v.Time }

// Session is the visits of a user from the first to the last.
type Session struct {
	User   string
	First  time.Time
	Last   time.Time
	Visits int64
}

// Validate reports parameters that cannot work.
func (s *Sessions) Validate() error {
	if s.Gap <= 0 || s.Late < 0 || s.Watch < 0 {
		return errors.New("--gap must be positive, --late and --watch must not be negative")
	}
	return needed(param{"in", s.In}, param{"out", s.Out})
}

// Build implements runner.Job.
func (s *Sessions) Build(job *plan.Job) {
	sessions := sessionsOf(visits(job, s.In, s.Late, s.Watch), s.Gap)
	datastream.Write(sessions, file.Sink[Session]{Path: s.Out, Format: csv.Format[Session]{}, Mode: s.Mode}, plan.UID("out"))
}

// visits reads visits in event time. The files are read by name, one after the other, so that a later part of one does not come before an earlier
// one: their names are in the order of time.
func visits(job *plan.Job, in string, late, watch time.Duration) datastream.Stream[Visit] {
	files := file.Source[Visit]{Path: in, Format: csv.Format[Visit]{}, SplitBytes: wholeFiles, Watch: watch}
	all := datastream.Read(job, files, plan.UID("in"))
	return datastream.EventTime(all, Visit.at, watermark.Bounded(late), plan.UID("time"))
}

func sessionsOf(visits datastream.Stream[Visit], gap time.Duration) datastream.Stream[Session] {
	byUser := datastream.Window(datastream.KeyBy(visits, Visit.name), window.Session(gap))
	return datastream.AggregateWindows(byUser, agg.Count[Visit](), func(p window.Pane[string], n int64) Session {
		return Session{p.Key, p.Start, p.End.Add(-gap), n}
	}, plan.UID("sessions"))
}
