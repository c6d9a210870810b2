package jobs

import (
	"errors"
	"flag"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/window"
)

// Sessions gives each user's sessions: visits with at most Gap between one and the next. A session is written when event time has passed its end.
type Sessions struct {
	Visits
	Gap time.Duration
}

// Flags implements runner.Job.
func (s *Sessions) Flags(f *flag.FlagSet) {
	s.flags(f, "user,time", "user,first,last,visits")
	f.DurationVar(&s.Gap, "gap", s.Gap, "`time` without a visit that ends a session")
}

// Session is the visits of a user from the first to the last.
type Session struct {
	User   string
	First  time.Time
	Last   time.Time
	Visits int64
}

// Validate reports parameters that cannot work.
func (s *Sessions) Validate() error {
	if s.Gap <= 0 {
		return errors.New("--gap must be positive")
	}
	return s.validate()
}

// Build implements runner.Job.
func (s *Sessions) Build(job *plan.Job) { writeVisits(sessionsOf(s.read(job), s.Gap), s.Visits) }

func sessionsOf(visits datastream.Stream[Visit], gap time.Duration) datastream.Stream[Session] {
	byUser := datastream.Window(datastream.KeyBy(visits, Visit.name), window.Session(gap))
	return datastream.AggregateWindows(byUser, agg.Count[Visit](), func(p window.Pane[string], n int64) Session {
		return Session{p.Key, p.Start, p.End.Add(-gap), n}
	}, plan.UID("sessions"))
}
