package jobs

import (
	"time"

	"github.com/millrace/millrace/connectors/nexmark"
	"github.com/millrace/millrace/datastream"
	"github.com/millrace/millrace/plan"
)

// wholeBid is what query 0 passes on.
type wholeBid struct {
	Type     int32     `col:"event_type"`
	Auction  int64     `col:"b_auction,null=zero"`
	Bidder   int64     `col:"b_bidder,null=zero"`
	Price    int64     `col:"b_price,null=zero"`
	DateTime time.Time `col:"dateTime,local"`
	Extra    string    `col:"b_extra,null=zero"`
}

// shownBid is a bid as results have it.
type shownBid struct {
	Auction, Bidder, Price int64
	DateTime               time.Time `col:",local"`
	Extra                  string
}

// passThrough is query 0: every bid.
func passThrough(j *Nexmark, job *plan.Job) {
	results(j, datastream.Map(untimed[wholeBid](j, job, nexmark.Bids), func(b wholeBid) shownBid {
		return shownBid{b.Auction, b.Bidder, b.Price, b.DateTime, b.Extra}
	}))
}

// converted is a bid in euros.
type converted struct {
	Auction, Bidder int64
	Price           int64     `col:",decimal(18,3)"`
	DateTime        time.Time `col:",local"`
	Extra           string
}

// currency is query 1: every bid, at 0.908 euros for a dollar.
func currency(j *Nexmark, job *plan.Job) {
	results(j, datastream.Map(untimed[wholeBid](j, job, nexmark.Bids), func(b wholeBid) converted {
		return converted{b.Auction, b.Bidder, b.Price * 908, b.DateTime, b.Extra}
	}))
}

// offer is what query 2 looks at.
type offer struct {
	Type    int32 `col:"event_type"`
	Auction int64 `col:"b_auction,null=zero"`
	Price   int64 `col:"b_price,null=zero"`
}

type selected struct{ Auction, Price int64 }

// selection is query 2: the bids on one auction in 123.
func selection(j *Nexmark, job *plan.Job) {
	some := datastream.Filter(untimed[offer](j, job, nexmark.Bids), func(o offer) bool { return o.Auction%123 == 0 })
	results(j, datastream.Map(some, func(o offer) selected { return selected{o.Auction, o.Price} }))
}
