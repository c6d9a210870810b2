package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"time"
)

// The Nexmark generator, by the proportions and distributions of github.com/nexmark/nexmark: of every 50
// events 1 is a person, 3 are auctions, 46 are bids; hot seller ratio 4, hot auction ratio 2, hot bidder
// ratio 4, hot channel ratio 2; 1000 active people, 100 auctions in flight; average sizes of 200, 500 and 100
// bytes. Unlike there, an event is a pure function of its number. Event time advances from 2024-01-01 UTC.
const (
	eventsPerSecond  = 10_000
	nexmarkStart     = 1_704_067_200_000 // milliseconds
	eventsPerRound   = 50
	auctionsPerRound = 3
	activePeople     = 1000
	auctionsInFlight = 100
	hotBatch         = 100 // one hot item in so many
	firstID          = 1000
	firstCategory    = 10
	eventsPerBlock   = 1000
)

var (
	states     = []string{"AZ", "CA", "ID", "OR", "WA", "WY"}
	cities     = []string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	firstNames = []string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	lastNames  = []string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
)

// writeNexmark writes JSON lines with the flat columns event_type (0 person, 1 auction, 2 bid), dateTime and
// p_*, a_* or b_*. Blocks of 1000 events are dealt round robin to the parts, so that readers of different
// parts advance together in event time.
func writeNexmark(dir string, events int64, parts int) error {
	m := newMarket()
	return writeParts(dir, ".jsonl", parts, func(k int, w *bufio.Writer) error {
		var b []byte
		for block := int64(k); block*eventsPerBlock < events; block += int64(parts) {
			for n := block * eventsPerBlock; n < min((block+1)*eventsPerBlock, events); n++ {
				b = m.appendEvent(b[:0], n)
				if _, err := w.Write(b); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// market holds the texts that events draw from. It is read-only once made.
type market struct {
	hot, cold []channel
	filler    []byte // letters that the extra columns are cut from
}

type channel struct{ name, url string }

func newMarket() *market {
	r := newRNG(1, 0)
	m := &market{filler: make([]byte, 1<<20)}
	for _, name := range []string{"Google", "Facebook", "Baidu", "Apple"} {
		m.hot = append(m.hot, channel{name, itemURL(r)})
	}
	for i := range 10_000 {
		c := channel{"channel-" + strconv.Itoa(i), itemURL(r)}
		if !r.oneIn(10) {
			c.url += "&channel_id=" + strconv.FormatInt(channelID(i), 10)
		}
		m.cold = append(m.cold, c)
	}
	for i := range m.filler {
		m.filler[i] = r.letter()
	}
	return m
}

// channelID is the magnitude of the bit-reversed 32-bit number.
func channelID(i int) int64 {
	id := int64(int32(bits.Reverse32(uint32(i))))
	return max(id, -id)
}

func itemURL(r *rng) string {
	dir := func() string { return text(r, 5, '_') }
	return "https://www.nexmark.com/" + dir() + "/" + dir() + "/" + dir() + "/item.htm?query=1"
}

// text returns 3 to limit-1 letters, about one in 13 of them replaced by special; blanks at the ends are cut.
func text(r *rng, limit int, special byte) string {
	b := make([]byte, 3+r.intn(limit-3))
	for i := range b {
		b[i] = special
		if !r.oneIn(13) {
			b[i] = r.letter()
		}
	}
	return string(bytes.Trim(b, " "))
}

// extra returns the filler that brings a record of size bytes to about average.
func (m *market) extra(r *rng, size, average int) []byte {
	if size > average {
		return nil
	}
	missing := average - size
	spread := int(math.Round(float64(missing) * 0.2))
	n := missing - spread
	if spread > 0 {
		n += r.intn(2 * spread)
	}
	at := r.intn(len(m.filler) - n)
	return m.filler[at : at+n]
}

// lastPerson is the number of the newest person at event n, lastAuction of the newest auction.
func lastPerson(n int64) int64 { return n / eventsPerRound }

func lastAuction(n int64) int64 {
	round, at := n/eventsPerRound, n%eventsPerRound
	if at < 1 { // the person comes first: the newest auction is the last round's
		return round*auctionsPerRound - 1
	}
	return round*auctionsPerRound + min(at-1, auctionsPerRound-1)
}

// somePerson draws one of the active people, or one that is about to come.
func somePerson(r *rng, n int64) int64 {
	people := lastPerson(n) + 1
	active := min(people, activePeople)
	return people - active + int64(r.intn(int(active+10)))
}

// hotOr returns the hot item nearest below newest, or once in ratio times what cold draws.
func hotOr(r *rng, ratio int, newest int64, cold func() int64) int64 {
	if r.oneIn(ratio) {
		return cold()
	}
	return newest / hotBatch * hotBatch
}

// price is in cents, uniform on a logarithmic scale.
func price(r *rng) int64 { return int64(math.Floor(math.Pow(10, r.float()*6)*100 + 0.5)) }

func eventTime(n int64) int64 { return nexmarkStart + n*1000/eventsPerSecond }

// appendEvent appends event n as a JSON line.
func (m *market) appendEvent(b []byte, n int64) []byte {
	e := &event{b: b, n: n, r: &rng{mix(uint64(n)*0x9e3779b97f4a7c15 + 99)}}
	switch at := n % eventsPerRound; {
	case at < 1:
		m.person(e)
	case at < 1+auctionsPerRound:
		m.auction(e)
	default:
		m.bid(e)
	}
	return append(e.b, '}', '\n')
}

func (m *market) person(e *event) {
	r := e.r
	e.head(0)
	e.number("p_id", lastPerson(e.n)+firstID)
	size := 8
	size += e.text("p_name", r.pick(firstNames)+" "+r.pick(lastNames))
	email := text(r, 7, ' ')
	size += e.text("p_emailAddress", email+"@"+text(r, 5, ' ')+".com")
	size += e.text("p_creditCard", fmt.Sprintf("%04d %04d %04d %04d", r.intn(10000), r.intn(10000), r.intn(10000), r.intn(10000)))
	size += e.text("p_city", r.pick(cities))
	size += e.text("p_state", r.pick(states))
	e.text("p_extra", string(m.extra(r, size, 200)))
}

func (m *market) auction(e *event) {
	r, now := e.r, eventTime(e.n)
	e.head(1)
	seller := hotOr(r, 4, lastPerson(e.n), func() int64 { return somePerson(r, e.n) })
	category := firstCategory + int64(r.intn(5))
	initial := price(r)
	horizon := eventTime(e.n+auctionsInFlight*eventsPerRound/auctionsPerRound) - now
	expires := now + 1 + int64(r.intn(int(max(horizon*2, 1))))
	e.number("a_id", lastAuction(e.n)+firstID)
	size := 48
	size += e.text("a_itemName", text(r, 20, ' '))
	size += e.text("a_description", text(r, 100, ' '))
	e.number("a_initialBid", initial)
	e.number("a_reserve", initial+price(r))
	e.time(`,"a_expires":"`, expires)
	e.number("a_seller", seller+firstID)
	e.number("a_category", category)
	e.text("a_extra", string(m.extra(r, size, 500)))
}

func (m *market) bid(e *event) {
	r, newest := e.r, lastAuction(e.n)
	e.head(2)
	auction := hotOr(r, 2, newest, func() int64 {
		oldest := max(newest-auctionsInFlight, 0)
		return oldest + int64(r.intn(int(newest-oldest+1+10)))
	})
	bidder := hotOr(r, 4, lastPerson(e.n), func() int64 { return somePerson(r, e.n) - 1 }) + 1
	e.number("b_auction", auction+firstID)
	e.number("b_bidder", bidder+firstID)
	e.number("b_price", price(r))
	channels := m.hot
	if r.oneIn(2) {
		channels = m.cold
	}
	c := channels[r.intn(len(channels))]
	e.text("b_channel", c.name)
	e.text("b_url", c.url)
	e.text("b_extra", string(m.extra(r, 32, 100)))
}

// event is a JSON object under construction: event n, with its random numbers.
type event struct {
	b []byte
	n int64
	r *rng
}

func (e *event) head(kind int64) {
	e.b = append(e.b, `{"event_type":`...)
	e.b = strconv.AppendInt(e.b, kind, 10)
	e.time(`,"dateTime":"`, eventTime(e.n))
}

// time appends a timestamp of milliseconds behind prefix, which ends in the opening quote.
func (e *event) time(prefix string, ms int64) {
	e.b = append(e.b, prefix...)
	e.b = append(time.UnixMilli(ms).UTC().AppendFormat(e.b, "2006-01-02 15:04:05.000"), '"')
}

func (e *event) number(name string, v int64) {
	e.b = append(append(append(e.b, `,"`...), name...), `":`...)
	e.b = strconv.AppendInt(e.b, v, 10)
}

// text appends a string that needs no escapes and returns its length.
func (e *event) text(name, v string) int {
	e.b = append(append(append(e.b, `,"`...), name...), `":"`...)
	e.b = append(append(e.b, v...), '"')
	return len(v)
}
