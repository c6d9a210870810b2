package jobs

import (
	"iter"
	"time"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/nexmark"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream/window"
)

// bidOn is a bid of which only the auction matters.
type bidOn struct {
	Type     int32     `col:"event_type"`
	Auction  int64     `col:"b_auction,null=zero"`
	DateTime time.Time `col:"dateTime,local"`
}

func (b bidOn) at() time.Time { return b.DateTime }

// hits is how many bids an auction had in a window.
type hits struct {
	End     int64 // of the window
	Auction int64
	N       int64
}

type hotItem struct{ Auction, Num int64 }

// hotItems is query 5: the auctions with the most bids in the last ten seconds, every two.
func hotItems(j *Nexmark, job *plan.Job) {
	bids := datastream.KeyBy(events[bidOn](j, job, nexmark.Bids), func(b bidOn) int64 { return b.Auction })
	counts := datastream.AggregateWindows(datastream.Window(bids, window.Sliding(10*time.Second, 2*time.Second)), agg.Count[bidOn](),
		func(p window.Pane[int64], n int64) hits { return hits{p.End.UnixMicro(), p.Key, n} }, plan.UID("counts"))
	ends := datastream.Window(datastream.KeyBy(counts, func(h hits) int64 { return h.End }), window.Tumbling(2*time.Second))
	hottest := datastream.AggregateWindows(ends, agg.Of(agg.Func[hits, top, []hotItem]{
		Name: "hottest", Add: (*top).add, Merge: (*top).merge, Result: func(t top) []hotItem { return t.Items },
	}), func(_ window.Pane[int64], items []hotItem) []hotItem { return items }, plan.UID("hottest"))
	results(j, datastream.FlatMap(hottest, values))
}

func values[T any](of []T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, v := range of {
			if !yield(v) {
				return
			}
		}
	}
}

// top is the items with the most hits.
type top struct{ Items []hotItem }

func (t *top) add(h hits) { t.take(hotItem{h.Auction, h.N}) }

func (t *top) merge(by top) {
	for _, i := range by.Items {
		t.take(i)
	}
}

func (t *top) take(i hotItem) {
	switch {
	case len(t.Items) == 0 || i.Num > t.Items[0].Num:
		t.Items = append(t.Items[:0], i)
	case i.Num == t.Items[0].Num:
		t.Items = append(t.Items, i)
	}
}

func (b wholeBid) at() time.Time { return b.DateTime }

// highestBid is query 7: the highest bids of each ten seconds, with those at the moment in which they end that are as high. First each of some
// groups of bidders has its highest, so that all tasks take part, then all together.
func highestBid(j *Nexmark, job *plan.Job) {
	const groups = 64
	bids := datastream.KeyBy(events[wholeBid](j, job, nexmark.Bids), func(b wholeBid) int64 { return b.Bidder % groups })
	some := datastream.AggregateWindows(datastream.Window(bids, window.Tumbling(windowSize)), agg.Of(agg.Func[wholeBid, best, best]{
		Name: "highest", Add: (*best).add, Merge: (*best).merge, Result: func(b best) best { return b },
	}), func(_ window.Pane[int64], b best) best { return b }, plan.UID("highest-of-groups"))
	windows := datastream.Window(datastream.KeyBy(some, func(best) int64 { return 0 }), window.Tumbling(windowSize))
	all := datastream.AggregateWindows(windows, agg.Of(agg.Func[best, best, best]{
		Name: "highest", Add: (*best).merge, Merge: (*best).merge, Result: func(b best) best { return b },
	}), func(p window.Pane[int64], b best) best {
		b.End = p.End.UnixMicro()
		return b
	}, plan.UID("highest"))
	results(j, datastream.Process(datastream.KeyBy(all, func(best) int64 { return 0 }), func() *closings { return &closings{} }, plan.UID("closings")))
}

const windowSize = 10 * time.Second

// best is the highest bids of a window, and all of its first moment, which is the last of the window before.
type best struct {
	End   int64 // of the window
	Items []highBid
	First []highBid
}

func (b *best) add(w wholeBid) {
	isFirst := w.DateTime.UnixMicro()%windowSize.Microseconds() == 0
	if !isFirst && len(b.Items) > 0 && w.Price < b.Items[0].Price {
		return
	}
	bid := highBid{w.Auction, w.Price, w.Bidder, w.DateTime, w.Extra}
	b.take(bid)
	if isFirst {
		b.First = append(b.First, bid)
	}
}

func (b *best) merge(by best) {
	for _, bid := range by.Items {
		b.take(bid)
	}
	b.First = append(b.First, by.First...)
}

func (b *best) take(bid highBid) {
	switch {
	case len(b.Items) == 0 || bid.Price > b.Items[0].Price:
		b.Items = append(b.Items[:0:0], bid)
	case bid.Price == b.Items[0].Price:
		b.Items = append(b.Items, bid)
	}
}

// highBid is a bid as results have it.
type highBid struct {
	Auction, Price, Bidder int64
	DateTime               time.Time `col:",local"`
	Extra                  string
}

// closings gives the highest bids of windows, which come in order.
type closings struct {
	Last state.Value[lastBest] `state:"last"`
}

type lastBest struct{ End, Price int64 }

// OnRecord takes a window's.
func (c *closings) OnRecord(ctx *datastream.Context[int64, highBid], b best) error {
	last, _ := c.Last.Get()
	if last.End == b.End-windowSize.Microseconds() {
		for _, bid := range b.First {
			if bid.Price == last.Price {
				ctx.Emit(bid)
			}
		}
	}
	for _, bid := range b.Items {
		ctx.Emit(bid)
	}
	if len(b.Items) > 0 {
		c.Last.Set(lastBest{b.End, b.Items[0].Price})
	}
	return nil
}
