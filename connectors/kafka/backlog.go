package kafka

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/connectors"
)

var _ connectors.Backlogged = (*reader)(nil)

// backlog is what there was in a partition when its reading began.
type backlog struct {
	end   int64     // the offset behind it; unknownEnd: nothing has been fetched
	heard time.Time // when something of the partition was there last, or it was not asked for
}

// unknownEnd is a backlog's before the first fetch that brings anything: of a partition that is read to its end already none does.
const unknownEnd = -1

// silence is after how long a partition of which nothing comes counts as read: what is left of its backlog may have been compacted away.
const silence = 10 * time.Second

func newBacklog() backlog { return backlog{end: unknownEnd, heard: time.Now()} }

// begin takes the partition's end as a fetch has it; the first counts.
func (b *backlog) begin(end int64) {
	if b.end == unknownEnd {
		b.end = end
	}
}

// isBehind says whether the partition is being read in its backlog.
func (p *part) isBehind() bool { return p.next < p.backlog.end }

// IsInBacklog implements connectors.Backlogged: until all partitions are read to the ends that they had at first.
func (r *reader) IsInBacklog() bool { return slices.ContainsFunc(r.order, (*part).isBehind) }

// end is the offset behind the last message that can be read.
func (r *reader) end(f *kgo.FetchPartition) int64 {
	if !r.open && f.LastStableOffset >= 0 {
		return f.LastStableOffset
	}
	return f.HighWatermark
}

// listen gives the backlog of partitions up of which nothing comes.
func (r *reader) listen(now time.Time) {
	for _, p := range r.order {
		switch {
		case len(p.waiting) > 0 || r.paused[p.split]:
			p.backlog.heard = now
		case p.isBehind() && now.Sub(p.backlog.heard) > silence:
			p.backlog.end = p.next
		}
	}
}
