package nexmark

import "time"

// Kind is what an event is about.
type Kind int32

// The kinds; their numbers less one are the values of the column event_type.
const (
	All      Kind = iota // of Source: every event
	People               // event_type 0
	Auctions             // 1
	Bids                 // 2
)

// Values of Event.EventType.
const (
	PersonEvent  int32 = 0
	AuctionEvent int32 = 1
	BidEvent     int32 = 2
)

// Event is any event: the fields of the other kinds are zero. A prefix tells whose field it is.
type Event struct {
	EventType int32     `col:"event_type"`
	DateTime  time.Time `col:"dateTime,local"`

	PersonID     int64  `col:"p_id,null=zero"`
	PersonName   string `col:"p_name,null=zero"`
	EmailAddress string `col:"p_emailAddress,null=zero"`
	CreditCard   string `col:"p_creditCard,null=zero"`
	City         string `col:"p_city,null=zero"`
	State        string `col:"p_state,null=zero"`
	PersonExtra  string `col:"p_extra,null=zero"`

	AuctionID    int64     `col:"a_id,null=zero"`
	ItemName     string    `col:"a_itemName,null=zero"`
	Description  string    `col:"a_description,null=zero"`
	InitialBid   int64     `col:"a_initialBid,null=zero"`
	Reserve      int64     `col:"a_reserve,null=zero"`
	Expires      time.Time `col:"a_expires,local,null=zero"`
	Seller       int64     `col:"a_seller,null=zero"`
	Category     int64     `col:"a_category,null=zero"`
	AuctionExtra string    `col:"a_extra,null=zero"`

	Auction  int64  `col:"b_auction,null=zero"`
	Bidder   int64  `col:"b_bidder,null=zero"`
	Price    int64  `col:"b_price,null=zero"`
	Channel  string `col:"b_channel,null=zero"`
	URL      string `col:"b_url,null=zero"`
	BidExtra string `col:"b_extra,null=zero"`
}

// Person is somebody who joins.
type Person struct {
	ID           int64     `col:"p_id,null=zero"`
	Name         string    `col:"p_name,null=zero"`
	EmailAddress string    `col:"p_emailAddress,null=zero"`
	CreditCard   string    `col:"p_creditCard,null=zero"`
	City         string    `col:"p_city,null=zero"`
	State        string    `col:"p_state,null=zero"`
	DateTime     time.Time `col:"dateTime,local"`
	Extra        string    `col:"p_extra,null=zero"`
}

// Auction is something for sale. Prices are in cents.
type Auction struct {
	ID          int64     `col:"a_id,null=zero"`
	ItemName    string    `col:"a_itemName,null=zero"`
	Description string    `col:"a_description,null=zero"`
	InitialBid  int64     `col:"a_initialBid,null=zero"`
	Reserve     int64     `col:"a_reserve,null=zero"`
	DateTime    time.Time `col:"dateTime,local"`
	Expires     time.Time `col:"a_expires,local,null=zero"`
	Seller      int64     `col:"a_seller,null=zero"`
	Category    int64     `col:"a_category,null=zero"`
	Extra       string    `col:"a_extra,null=zero"`
}

// Bid is an offer for an auction's item. The price is in cents.
type Bid struct {
	Auction  int64     `col:"b_auction,null=zero"`
	Bidder   int64     `col:"b_bidder,null=zero"`
	Price    int64     `col:"b_price,null=zero"`
	Channel  string    `col:"b_channel,null=zero"`
	URL      string    `col:"b_url,null=zero"`
	DateTime time.Time `col:"dateTime,local"`
	Extra    string    `col:"b_extra,null=zero"`
}
