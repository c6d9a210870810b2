package jobs

import (
	"cmp"
	"errors"
	"flag"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/window"
)

// TopN gives the names with the most visits of each window. Of names with as many visits as each other the first by the alphabet comes first.
type TopN struct {
	Visits
	N      int
	Window time.Duration
}

// Flags implements runner.Job.
func (t *TopN) Flags(f *flag.FlagSet) {
	t.flags(f, "name,time", "start,rank,name,visits")
	f.IntVar(&t.N, "n", t.N, "`names` of a window")
	f.DurationVar(&t.Window, "window", t.Window, "`size` of a window")
}

// Ranked is a name among those with the most visits of the window that begins at Start.
type Ranked struct {
	Start  time.Time
	Rank   int64 // 1 has the most
	Name   string
	Visits int64
}

// Validate reports parameters that cannot work.
func (t *TopN) Validate() error {
	if t.N < 1 || t.Window <= 0 {
		return errors.New("--n and --window must be positive")
	}
	return t.validate()
}

// Build implements runner.Job.
func (t *TopN) Build(job *plan.Job) { writeVisits(topOf(t.read(job), t.N, t.Window), t.Visits) }

// topOf counts the visits of each name, in parallel, and then compares the names of a window in one task. A count has the time of its window's
// last moment, so it falls into the window of the same span.
func topOf(visits datastream.Stream[Visit], n int, size time.Duration) datastream.Stream[Ranked] {
	byName := datastream.Window(datastream.KeyBy(visits, Visit.name), window.Tumbling(size))
	counts := datastream.AggregateWindows(byName, agg.Count[Visit](), func(p window.Pane[string], n int64) Ranked {
		return Ranked{Start: p.Start, Name: p.Key, Visits: n}
	}, plan.UID("counts"))
	byWindow := datastream.Window(datastream.KeyBy(counts, func(r Ranked) time.Time { return r.Start }), window.Tumbling(size))
	lists := datastream.AggregateWindows(byWindow, leaders(n), func(_ window.Pane[time.Time], all []Ranked) []Ranked { return all }, plan.UID("top"))
	return datastream.FlatMap(lists, ranks)
}

// ranked is the state of leaders: at most n, in order.
type ranked struct{ All []Ranked }

// leaders is the aggregate of the n with the most visits. Adding one costs its place among them.
func leaders(n int) agg.Aggregate[Ranked, []Ranked] {
	add := func(s *ranked, r Ranked) {
		at, _ := slices.BinarySearchFunc(s.All, r, byVisits)
		if s.All = slices.Insert(s.All, at, r); len(s.All) > n {
			s.All = s.All[:n]
		}
	}
	return agg.Of(agg.Func[Ranked, ranked, []Ranked]{
		Name: "leaders", Add: add, Result: func(s ranked) []Ranked { return s.All },
		Merge: func(s *ranked, by ranked) {
			for _, r := range by.All {
				add(s, r)
			}
		},
	})
}

func byVisits(a, b Ranked) int {
	return cmp.Or(cmp.Compare(b.Visits, a.Visits), strings.Compare(a.Name, b.Name))
}

// ranks numbers what is in order.
func ranks(all []Ranked) iter.Seq[Ranked] {
	return func(yield func(Ranked) bool) {
		for i, r := range all {
			r.Rank = int64(i + 1)
			if !yield(r) {
				return
			}
		}
	}
}
