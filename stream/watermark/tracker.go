package watermark

import (
	"slices"
	"time"

	"github.com/millrace/millrace/stream"
)

// Split is what a Tracker knows of a split, for status pages and checkpoints. The watermark of a task that keeps one generator for all its
// rows is that of the split "".
type Split struct {
	ID     string
	Mark   stream.Watermark
	Idle   bool
	Paused bool      // it waits for slower splits of its alignment group
	Last   time.Time // when it had a row last, in processing time; zero: it had none
	Holds  bool      // no split that is not idle is behind it: it holds the task's watermark back
}

// unsplit is how long a task may be without splits before it is idle.
const unsplit = time.Second

// Tracker keeps the watermarks of a task's splits and gives their minimum. One goroutine uses it.
type Tracker struct {
	strategy Strategy
	splits   []*split // in the order of their coming
	current  *split   // whose rows are observed
	bySplit  bool     // the chain begins with a source
	empty    time.Time
	mark     stream.Watermark
	held     bool                        // splits may come that have rows of any time
	restored map[string]stream.Watermark // of splits that have not come yet
}

// Hold says whether splits may still come that nobody has begun to read, and that have rows of any time: as long as that is so the watermark
// stands.
func (t *Tracker) Hold(is bool) { t.held = is }

// split is a split at work.
type split struct {
	id        string
	generator Generator
	mark      stream.Watermark
	seen      time.Time // when it had a row last, or came, or was resumed
	last      time.Time // when it had a row last
	idle      bool
	paused    bool
}

// NewTracker returns the tracker of a task that begins now. With bySplit the splits come by Add; without there is one generator.
func NewTracker(s Strategy, bySplit bool, now time.Time) *Tracker {
	t := &Tracker{strategy: s, bySplit: bySplit, mark: stream.NoWatermark, empty: now, restored: map[string]stream.Watermark{}}
	if !bySplit {
		t.Add("", now)
		t.current = t.splits[0]
	}
	return t
}

// Restore says that a split had come to that watermark, before it is added again. Of several restored for one split the least counts.
func (t *Tracker) Restore(id string, mark stream.Watermark) {
	if before, ok := t.restored[id]; ok {
		mark = min(mark, before)
	}
	t.restored[id] = mark
	if i := t.find(id); i >= 0 {
		t.splits[i].mark = mark
	}
}

// Add adds a split.
func (t *Tracker) Add(id string, now time.Time) {
	if t.find(id) >= 0 {
		return
	}
	s := &split{id: id, generator: t.strategy.generator(), mark: stream.NoWatermark, seen: now}
	if mark, ok := t.restored[id]; ok {
		s.mark = mark
	}
	t.splits = append(t.splits, s)
}

// Use says that rows from here on are of this split.
func (t *Tracker) Use(id string, now time.Time) {
	i := t.find(id)
	if i < 0 {
		t.Add(id, now)
		i = len(t.splits) - 1
	}
	t.current = t.splits[i]
}

// End removes a split that has been read to its end: it holds nobody back any more. When it was the last one, its watermark is the task's.
func (t *Tracker) End(id string, now time.Time) {
	i := t.find(id)
	if i < 0 {
		return
	}
	last := t.splits[i]
	t.splits = slices.Delete(t.splits, i, i+1)
	if t.current == last {
		t.current = nil
	}
	if len(t.splits) == 0 {
		t.empty = now
		if !t.held {
			t.mark = max(t.mark, last.mark)
		}
	}
}

// Pause says that these splits, and no others, are not read for a while because they are ahead: they do not fall idle by that, for what they
// have left to give must still hold the watermark back.
func (t *Tracker) Pause(ids []string, now time.Time) {
	for _, s := range t.splits {
		is := slices.Contains(ids, s.id)
		if s.paused && !is {
			s.seen = now
		}
		s.paused = is
	}
}

func (t *Tracker) find(id string) int {
	return slices.IndexFunc(t.splits, func(s *split) bool { return s.id == id })
}

// Observe takes the event times, or the marks, of rows of the split used.
func (t *Tracker) Observe(times []int64, now time.Time) {
	if len(times) == 0 {
		return
	}
	if t.current == nil { // rows that came over an exchange after all
		t.Use("", now)
	}
	s := t.current
	s.generator.Observe(times)
	s.mark = max(s.mark, s.generator.Mark())
	s.seen, s.last, s.idle = now, now, false
}

// Pass looks which splits have been silent for too long. It returns when to look again; the zero time: not before the next row.
func (t *Tracker) Pass(now time.Time) (next time.Time) {
	earliest := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if t.bySplit && len(t.splits) == 0 && now.Before(t.empty.Add(unsplit)) {
		earliest(t.empty.Add(unsplit))
	}
	if t.strategy.IdleAfter == 0 {
		return next
	}
	for _, s := range t.splits {
		if s.idle || s.paused {
			continue
		}
		if at := s.seen.Add(t.strategy.IdleAfter); now.Before(at) {
			earliest(at)
		} else {
			s.idle = true
		}
	}
	return next
}

// Mark returns the task's watermark, which never goes back, and whether the task is idle.
func (t *Tracker) Mark(now time.Time) (w stream.Watermark, idle bool) {
	if t.held {
		return t.mark, false
	}
	if len(t.splits) == 0 {
		return t.mark, t.bySplit && !now.Before(t.empty.Add(unsplit))
	}
	least, active := t.least()
	if active {
		t.mark = max(t.mark, least)
	}
	return t.mark, !active
}

// least returns the least watermark of splits that are not idle.
func (t *Tracker) least() (least stream.Watermark, active bool) {
	least = stream.EndOfTime
	for _, s := range t.splits {
		if !s.idle {
			least, active = min(least, s.mark), true
		}
	}
	return least, active
}

// Splits returns what is known of each split.
func (t *Tracker) Splits() []Split {
	least, active := t.least()
	out := make([]Split, len(t.splits))
	for i, s := range t.splits {
		out[i] = Split{ID: s.id, Mark: s.mark, Idle: s.idle, Paused: s.paused, Last: s.last, Holds: active && !s.idle && s.mark == least}
	}
	return out
}
