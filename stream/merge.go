package stream

// Merge computes the marks of a stream that several feeds make up: the channels of an exchange, the inputs of an operator.
//
// The watermark is the minimum over the feeds that have neither ended nor are idle, and never goes back; a feed that comes back from
// idleness counts again when it has caught up (as in Flink's StatusWatermarkValve). When all feeds are idle, so is the stream; when all have
// ended, time has.
type Merge struct {
	feeds     []feed
	watermark Watermark
	idle      bool
}

type feed struct {
	watermark Watermark
	idle      bool
	behind    bool // came back from idleness, has not caught up
	ended     bool
}

// NewMerge returns the merge of so many feeds, of which nothing is known.
func NewMerge(feeds int) *Merge {
	m := &Merge{feeds: make([]feed, feeds), watermark: NoWatermark}
	for i := range m.feeds {
		m.feeds[i].watermark = NoWatermark
	}
	return m
}

// Watermark returns the stream's watermark.
func (m *Merge) Watermark() Watermark { return m.watermark }

// Raise makes the watermark at least w: what it was when a checkpoint was taken.
func (m *Merge) Raise(w Watermark) { m.watermark = max(m.watermark, w) }

// Behind returns the feed that holds the watermark back, -1 when none does, and its watermark.
func (m *Merge) Behind() (feed int, w Watermark) {
	feed, w = -1, EndOfTime
	for i, f := range m.feeds {
		if !f.ended && !f.idle && !f.behind && f.watermark < w {
			feed, w = i, f.watermark
		}
	}
	return feed, w
}

// Take takes a watermark or an idle mark of a feed. If the stream's mark changes, it is returned, and true.
func (m *Merge) Take(i int, mark Mark) (Mark, bool) {
	f := &m.feeds[i]
	switch mark.Kind {
	case WatermarkMark:
		f.watermark = max(f.watermark, mark.Watermark)
		f.behind = (f.behind || f.idle) && f.watermark < m.watermark
		f.idle = false
	case IdleMark:
		f.idle = true
	default:
		return Mark{}, false
	}
	return m.settle()
}

// Rows says that rows have come on a feed: it is idle no more. The mark that this may cause does not raise the watermark.
func (m *Merge) Rows(i int) (Mark, bool) {
	f := &m.feeds[i]
	if !f.idle {
		return Mark{}, false
	}
	f.idle, f.behind = false, f.watermark < m.watermark
	if !m.idle {
		return Mark{}, false
	}
	m.idle = false
	return Mark{Kind: WatermarkMark, Watermark: m.watermark}, true
}

// HasEnded says whether a feed has ended.
func (m *Merge) HasEnded(i int) bool { return m.feeds[i].ended }

// End says that a feed has ended. With the last one the watermark becomes EndOfTime.
func (m *Merge) End(i int) (Mark, bool) {
	m.feeds[i].ended = true
	return m.settle()
}

func (m *Merge) settle() (Mark, bool) {
	least, open, active, leads := EndOfTime, false, false, false
	for _, f := range m.feeds {
		if f.ended {
			continue
		}
		open = true
		if f.idle {
			continue
		}
		active = true
		if !f.behind {
			leads = true
			least = min(least, f.watermark)
		}
	}
	if active && !leads { // those that are there have yet to catch up
		least = m.watermark
	}
	switch {
	case open && !active:
		if m.idle {
			return Mark{}, false
		}
		m.idle = true
		return Mark{Kind: IdleMark}, true
	case least > m.watermark || m.idle:
		m.idle = false
		m.watermark = max(m.watermark, least)
		return Mark{Kind: WatermarkMark, Watermark: m.watermark}, true
	default:
		return Mark{}, false
	}
}
