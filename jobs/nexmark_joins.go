package jobs

import (
	"iter"
	"time"

	"github.com/millrace/millrace/connectors/nexmark"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream/window"
)

type resident struct {
	Type  int32  `col:"event_type"`
	ID    int64  `col:"p_id,null=zero"`
	Name  string `col:"p_name,null=zero"`
	City  string `col:"p_city,null=zero"`
	State string `col:"p_state,null=zero"`
}

type listing struct {
	Type     int32 `col:"event_type"`
	ID       int64 `col:"a_id,null=zero"`
	Seller   int64 `col:"a_seller,null=zero"`
	Category int64 `col:"a_category,null=zero"`
}

type localItem struct {
	Name, City, State string
	ID                int64
}

// localItems is query 3: who sells in category 10, in three states. Both sides are kept for ever.
func localItems(j *Nexmark, job *plan.Job) {
	people := datastream.Filter(untimed[resident](j, job, nexmark.People), func(p resident) bool {
		return p.State == "OR" || p.State == "ID" || p.State == "CA"
	})
	items := datastream.Filter(untimed[listing](j, job, nexmark.Auctions), func(a listing) bool { return a.Category == 10 })
	both := datastream.Connect(datastream.KeyBy(people, func(p resident) int64 { return p.ID }),
		datastream.KeyBy(items, func(a listing) int64 { return a.Seller }))
	results(j, datastream.ProcessBoth(both, func() *sellers { return &sellers{} }, plan.UID("sellers")))
}

// sellers joins a person with the person's auctions, whichever come first.
type sellers struct {
	Person state.Value[resident] `state:"person"`
	Items  state.List[int64]     `state:"items"`
}

// OnLeft takes a person.
func (s *sellers) OnLeft(ctx *datastream.Context[int64, localItem], p resident) error {
	s.Person.Set(p)
	for id := range s.Items.All() {
		ctx.Emit(localItem{p.Name, p.City, p.State, id})
	}
	s.Items.Clear()
	return nil
}

// OnRight takes an auction.
func (s *sellers) OnRight(ctx *datastream.Context[int64, localItem], a listing) error {
	if p, known := s.Person.Get(); known {
		ctx.Emit(localItem{p.Name, p.City, p.State, a.ID})
		return nil
	}
	s.Items.Add(a.ID)
	return nil
}

type newcomer struct {
	Type     int32     `col:"event_type"`
	ID       int64     `col:"p_id,null=zero"`
	Name     string    `col:"p_name,null=zero"`
	DateTime time.Time `col:"dateTime,local"`
}

func (p newcomer) at() time.Time { return p.DateTime }

type opening struct {
	Type     int32     `col:"event_type"`
	Seller   int64     `col:"a_seller,null=zero"`
	DateTime time.Time `col:"dateTime,local"`
}

func (a opening) at() time.Time { return a.DateTime }

type newUser struct {
	ID        int64
	Name      string
	StartTime time.Time `col:",local"`
}

// newUsers is query 8: people who opened an auction in the ten seconds in which they joined.
func newUsers(j *Nexmark, job *plan.Job) {
	people := datastream.KeyBy(events[newcomer](j, job, nexmark.People), func(p newcomer) int64 { return p.ID })
	items := datastream.KeyBy(events[opening](j, job, nexmark.Auctions), func(a opening) int64 { return a.Seller })
	results(j, datastream.CoGroupWindows(people, items, window.Tumbling(10*time.Second),
		func(p window.Pane[int64], joined []newcomer, opened []opening) iter.Seq[newUser] {
			return func(yield func(newUser) bool) {
				if len(joined) > 0 && len(opened) > 0 {
					yield(newUser{p.Key, joined[0].Name, p.Start})
				}
			}
		}, plan.UID("new-users")))
}

// trade is an auction or a bid.
type trade struct {
	Type     int32     `col:"event_type"`
	DateTime time.Time `col:"dateTime,local"`
	ID       int64     `col:"a_id,null=zero"`
	Category int64     `col:"a_category,null=zero"`
	Expires  time.Time `col:"a_expires,local,null=zero"`
	Auction  int64     `col:"b_auction,null=zero"`
	Price    int64     `col:"b_price,null=zero"`
}

func (t trade) auction() int64 {
	if t.Type == nexmark.AuctionEvent {
		return t.ID
	}
	return t.Auction
}

// closing is a better price for an auction: By is what it adds to the sum of its category's, First whether it is its first.
type closing struct {
	Category, By int64
	First        bool
}

type categoryPrice struct{ Category, Average int64 }

// averagePrice is query 4: the average, by category, of the best bids within auctions' lives, as it changes.
func averagePrice(j *Nexmark, job *plan.Job) {
	trades := datastream.Filter(untimed[trade](j, job, nexmark.All), func(t trade) bool { return t.Type != nexmark.PersonEvent })
	best := datastream.Process(datastream.KeyBy(trades, trade.auction), func() *auctions { return &auctions{} }, plan.UID("auctions"))
	byCategory := datastream.KeyBy(best, func(c closing) int64 { return c.Category })
	results(j, datastream.Process(byCategory, func() *averages { return &averages{} }, plan.UID("averages")))
}

// life is an auction and its best bid so far.
type life struct {
	Category    int64
	From, Until int64 // milliseconds
	Best        int64
}

type early struct{ At, Price int64 }

// auctions keeps the best bid of an auction; bids that come before it, from a task that is ahead, wait.
type auctions struct {
	Life  state.Value[life] `state:"life"`
	Early state.List[early] `state:"early"`
}

// OnRecord takes an auction or a bid.
func (a *auctions) OnRecord(ctx *datastream.Context[int64, closing], t trade) error {
	l, known := a.Life.Get()
	switch {
	case t.Type == nexmark.AuctionEvent:
		l = life{Category: t.Category, From: t.DateTime.UnixMilli(), Until: t.Expires.UnixMilli()}
		for e := range a.Early.All() {
			l.take(ctx, e)
		}
		a.Early.Clear()
		a.Life.Set(l)
	case !known:
		a.Early.Add(early{t.DateTime.UnixMilli(), t.Price})
	case l.take(ctx, early{t.DateTime.UnixMilli(), t.Price}):
		a.Life.Set(l)
	}
	return nil
}

// take takes a bid, and says whether it is the best.
func (l *life) take(ctx *datastream.Context[int64, closing], e early) bool {
	if e.At < l.From || e.At > l.Until || e.Price <= l.Best {
		return false
	}
	ctx.Emit(closing{l.Category, e.Price - l.Best, l.Best == 0})
	l.Best = e.Price
	return true
}

type sum struct{ N, Sum int64 }

// averages keeps the average of a category.
type averages struct {
	Sum state.Value[sum] `state:"sum"`
}

// OnRecord takes a better price.
func (a *averages) OnRecord(ctx *datastream.Context[int64, categoryPrice], c closing) error {
	s, _ := a.Sum.Get()
	s.Sum += c.By
	if c.First {
		s.N++
	}
	a.Sum.Set(s)
	ctx.Emit(categoryPrice{c.Category, s.Sum / s.N})
	return nil
}
