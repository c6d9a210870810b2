package task

import (
	"slices"
	"time"

	"github.com/millrace/millrace/operator/source"
	"github.com/millrace/millrace/runner/control"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/stream/watermark"
)

// pacer keeps the splits of a source's task within the drift of their alignment group (as in Flink's FLIP-182 and FLIP-217). The task tells the
// coordinator how far they have come, the coordinator tells the task how far the slowest of the group has, and splits that are ahead of that by
// more than the drift are paused: the reader leaves them out, and what it had read of them already is put by, in order. What is put by has not
// been taken: it is in no checkpoint's positions, and read again after a failure.
//
// Until the coordinator has said anything, what the task itself has seen first counts.
type pacer struct {
	op     aligned
	group  string
	drift  time.Duration
	tell   func(control.Pace)
	least  stream.Watermark // of the group, as far as the task knows
	paused []string
	held   bool // all are paused
	parked []source.Got
	told   control.Pace
	next   time.Time // nothing is told before
	bare   time.Time // since when there are no splits; zero: there are
}

// aligned is an operator that makes watermarks by split and whose splits may be paused.
type aligned interface {
	Strategy() watermark.Strategy
	Splits() []watermark.Split
	PauseSplits(ids []string)
}

// splitWait is how long a task that has no splits is waited for.
const splitWait = time.Second

// newPacer returns the pacer of a source's task; nil: its splits belong to no group.
func (t *Task) newPacer() *pacer {
	if t.config.Paced == nil {
		return nil
	}
	for _, l := range t.chain.links {
		if a, ok := l.op.(aligned); ok && a.Strategy().Group != "" {
			s := a.Strategy()
			return &pacer{op: a, group: s.Group, drift: s.MaxDrift, tell: t.config.Paced, least: stream.NoWatermark, bare: time.Now()}
		}
	}
	return nil
}

// Align tells the task how far the slowest split of an alignment group has come. Any goroutine may call it.
func (t *Task) Align(group string, least stream.Watermark) {
	t.notify(notice{kind: aligning, group: group, least: least})
}

// align takes what Align said.
func (t *Task) align(group string, least stream.Watermark) {
	if p := t.pacer; p != nil && p.group == group {
		p.least = least
		t.pace()
	}
}

// pace pauses splits that are ahead, resumes others, and tells how far they have come, when that is due.
func (t *Task) pace() {
	p := t.pacer
	if p == nil {
		return
	}
	splits := p.op.Splits()
	now := p.sum(splits, t.reading)
	if p.least == stream.NoWatermark && now.Least != stream.EndOfTime {
		p.least = now.Least
	}
	t.pause(watermark.Ahead(splits, p.least, p.drift), len(splits))
	now.IsHeld = p.held
	urgent := now.IsHeld || !t.reading // a task that ends has no time to wait
	if now != p.told && (urgent || !time.Now().Before(p.next)) {
		p.told, p.next = now, time.Now().Add(control.PaceEvery)
		p.tell(now)
	}
}

// due returns when pace has something to tell; zero: not before something changes.
func (p *pacer) due(reading bool) time.Time {
	switch {
	case p == nil:
		return time.Time{}
	case p.sum(p.op.Splits(), reading) != p.told:
		return p.next
	case reading && !p.bare.IsZero() && p.told.IsOpen:
		return p.bare.Add(splitWait)
	default:
		return time.Time{}
	}
}

// sum sums up the task's splits.
func (p *pacer) sum(splits []watermark.Split, reading bool) control.Pace {
	out := control.Pace{Group: p.group, Least: stream.EndOfTime, IsIdle: true, IsHeld: p.held}
	if len(splits) > 0 {
		p.bare = time.Time{}
	} else if p.bare.IsZero() {
		p.bare = time.Now()
	}
	if len(splits) == 0 && reading && time.Since(p.bare) < splitWait {
		out.IsOpen, out.IsIdle = true, false
	}
	for _, s := range splits {
		switch {
		case s.Idle:
			continue
		case s.Mark == stream.NoWatermark:
			out.IsOpen = true
		default:
			out.Least = min(out.Least, s.Mark)
		}
		out.IsIdle = false
	}
	return out
}

// pause pauses these splits and no others, as far as the reader can: one that cannot leave out single splits reads on as long as one of them is
// not ahead.
func (t *Task) pause(ahead []string, splits int) {
	p := t.pacer
	all := len(ahead) == splits && splits > 0
	if !all && !t.fetcher.CanPause() {
		ahead = nil
	}
	if slices.Equal(ahead, p.paused) && all == p.held {
		return
	}
	p.op.PauseSplits(ahead)
	t.fetcher.Pause(ahead)
	if all != p.held {
		t.fetcher.Hold(all)
	}
	p.paused, p.held = ahead, all
}

// poll gives what has been read and may be taken. done says that everything has been.
func (t *Task) poll() (got source.Got, ok, done bool) {
	p := t.pacer
	if p == nil {
		return t.fetcher.Poll()
	}
	t.pace()
	if i := slices.IndexFunc(p.parked, func(g source.Got) bool { return !p.isPaused(g.Split) }); i >= 0 {
		got = p.parked[i]
		p.parked = slices.Delete(p.parked, i, i+1)
		return got, true, false
	}
	for {
		got, ok, done = t.fetcher.Poll()
		if !ok || got.Split == "" || !p.isPaused(got.Split) {
			return got, ok, done && len(p.parked) == 0
		}
		p.parked = append(p.parked, got)
	}
}

// isPaused says whether a split is. When an operator between mixes splits they have one watermark, and are paused as one.
func (p *pacer) isPaused(split string) bool {
	return p.held && slices.Contains(p.paused, "") || slices.Contains(p.paused, split)
}
