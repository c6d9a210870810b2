package nexmark

import (
	"strconv"

	"github.com/millrace/millrace/columnar"
)

// clock turns numbers of events into event times.
type clock struct {
	start     int64 // milliseconds since 1970 of event 0
	perSecond int64
}

func (c clock) millis(n int64) int64 { return c.start + n*1000/c.perSecond }

// maker makes the wanted columns of ranges of events.
type maker struct {
	wanted
	market *market
	clock  clock
	only   Kind
	cells  [columnCount]cells
	at     [Bids + 1][]int32 // by kind, the rows that its events are in, if all kinds are made
	placed [2]int64          // where in its round the range begins that at is of, and its length
}

// batch returns the events from number from to before to, of the kinds wanted.
func (m *maker) batch(from, to int64) columnar.Batch {
	m.clear()
	rows := m.place(from, to)
	if m.makes(People) && m.anyOf(cPersonID, cPersonExtra) {
		m.people(from, to)
	}
	if m.makes(Auctions) && m.anyOf(cAuctionID, cAuctionExtra) {
		m.auctions(from, to)
	}
	if m.makes(Bids) && m.anyOf(cAuction, cBidExtra) {
		m.bids(from, to)
	}
	b := columnar.Batch{Schema: m.schema, Len: rows, Columns: make([]columnar.Column, len(m.numbers)), Time: m.times(from, to, rows)}
	for i, c := range m.numbers {
		b.Columns[i] = m.column(c, rows, b.Time, m.schema.Fields[i].Type)
	}
	return b
}

func (m *maker) makes(k Kind) bool { return m.only == All || m.only == k }

// clear forgets what the last batch was made of: its columns have the memory now.
func (m *maker) clear() {
	for i := range m.cells {
		c := &m.cells[i]
		*c = cells{numbers: make([]int64, 0, len(c.numbers)), texts: make([]byte, 0, len(c.texts)), ends: c.ends[:0]}
	}
}

// place says in which row each event goes, and returns how many rows there are.
func (m *maker) place(from, to int64) int {
	if m.only != All {
		return int(count(m.only, to) - count(m.only, from))
	}
	shape := [2]int64{from % eventsPerRound, to - from}
	if m.placed == shape {
		return int(to - from)
	}
	m.placed = shape
	for k := range m.at {
		m.at[k] = m.at[k][:0]
	}
	for n := from; n < to; n++ {
		k := Bids
		switch at := n % eventsPerRound; {
		case at < 1:
			k = People
		case at < bidsFrom:
			k = Auctions
		}
		m.at[k] = append(m.at[k], int32(n-from))
	}
	return int(to - from)
}

// count returns how many of the events before number n are of a kind.
func count(k Kind, n int64) int64 {
	round, at := n/eventsPerRound, n%eventsPerRound
	switch k {
	case People:
		return round + min(at, 1)
	case Auctions:
		return round*auctionsPerRound + min(max(at-1, 0), auctionsPerRound)
	case Bids:
		return round*(eventsPerRound-bidsFrom) + max(at-bidsFrom, 0)
	default:
		return n
	}
}

// times returns the events' times in microseconds.
func (m *maker) times(from, to int64, rows int) []int64 {
	out := make([]int64, rows)
	scaled := from * 1000
	ms, rest := scaled/m.clock.perSecond, scaled%m.clock.perSecond
	i := 0
	for n := from; n < to; n++ {
		if m.only == All || m.isOf(n) {
			out[i] = (m.clock.start + ms) * 1000
			i++
		}
		for rest += 1000; rest >= m.clock.perSecond; rest -= m.clock.perSecond {
			ms++
		}
	}
	return out
}

// isOf says whether an event is of the only kind wanted.
func (m *maker) isOf(n int64) bool {
	at := n % eventsPerRound
	switch m.only {
	case People:
		return at < 1
	case Auctions:
		return at >= 1 && at < bidsFrom
	default:
		return at >= bidsFrom
	}
}

// column returns a column of the batch.
func (m *maker) column(c, rows int, times []int64, t columnar.Type) columnar.Column {
	switch c {
	case cTime:
		return columnar.Of(t, times, columnar.Bitmap{})
	case cType:
		return m.types(t, rows)
	}
	kind := kindOf(c)
	if m.only == kind {
		return m.cells[c].column(t, rows, nil)
	}
	if m.only != All { // another kind's
		return (&cells{}).column(t, rows, []int32{})
	}
	return m.cells[c].column(t, rows, m.at[kind])
}

func (m *maker) types(t columnar.Type, rows int) columnar.Column {
	out := make([]int32, rows)
	if m.only != All {
		for i := range out {
			out[i] = int32(m.only) - 1
		}
	} else {
		for k := People; k <= Bids; k++ {
			for _, row := range m.at[k] {
				out[row] = int32(k) - 1
			}
		}
	}
	return columnar.Of(t, out, columnar.Bitmap{})
}

// firstOf returns the first number not below from of an event at that place in its round.
func firstOf(from int64, place int64) int64 {
	n := from/eventsPerRound*eventsPerRound + place
	if n < from {
		n += eventsPerRound
	}
	return n
}

// put adds a text to a column if it is wanted, and returns its length in any case.
func (m *maker) put(c int, text string) int {
	if m.has[c] {
		m.cells[c].text(text)
	}
	return len(text)
}

func (m *maker) people(from, to int64) {
	deep := m.anyOf(cEmail, cPersonExtra)
	var scratch []byte
	for n := firstOf(from, 0); n < to; n += eventsPerRound {
		d := drawsOf(n)
		if m.has[cPersonID] {
			m.cells[cPersonID].number(n/eventsPerRound + firstID)
		}
		size := 8
		name := append(append(append(scratch[:0], d.pick(firstNames)...), ' '), d.pick(lastNames)...)
		size += m.put(cName, string(name))
		if !deep {
			continue
		}
		email := append(d.appendText(name[:0], 7, ' '), '@')
		email = append(d.appendText(email, 5, ' '), ".com"...)
		size += m.put(cEmail, string(email))
		scratch = m.creditCard(&d, email[:0])
		size += len(scratch)
		size += m.put(cCity, d.pick(cities))
		size += m.put(cState, d.pick(states))
		if m.has[cPersonExtra] {
			m.put(cPersonExtra, string(m.market.extra(&d, size, 200)))
		}
	}
}

// creditCard makes four groups of four digits.
func (m *maker) creditCard(d *draws, out []byte) []byte {
	for i := range 4 {
		if i > 0 {
			out = append(out, ' ')
		}
		group := strconv.Itoa(int(10_000 + d.below(10_000)))
		out = append(out, group[1:]...)
	}
	m.put(cCard, string(out))
	return out
}

func (m *maker) auctions(from, to int64) {
	for place := from; place < to; place++ {
		if at := place % eventsPerRound; at >= 1 && at < bidsFrom {
			m.auction(place)
		} else {
			place = firstOf(place+1, 1) - 1
		}
	}
}

func (m *maker) auction(n int64) {
	d := drawsOf(n)
	person, auction := newest(n)
	m.keep(cAuctionID, auction+firstID)
	seller := person / hotBatch * hotBatch
	if d.oneIn(4) {
		seller = somePerson(d.next(), person)
	}
	m.keep(cSeller, seller+firstID)
	m.keep(cCategory, firstCategory+d.below(categories))
	if !m.has[cInitial] && !m.has[cExpires] && !m.anyOf(cItem, cDescription) && !m.has[cReserve] && !m.has[cAuctionExtra] {
		return
	}
	initial := d.price()
	m.keep(cInitial, initial)
	now := m.clock.millis(n)
	horizon := m.clock.millis(n+auctionsInFlight*eventsPerRound/auctionsPerRound) - now
	m.keep(cExpires, (now+1+d.below(max(horizon*2, 1)))*1000)
	if !m.anyOf(cItem, cDescription) && !m.has[cReserve] && !m.has[cAuctionExtra] {
		return
	}
	var scratch [128]byte
	size := 48
	size += m.put(cItem, string(d.appendText(scratch[:0], 20, ' ')))
	size += m.put(cDescription, string(d.appendText(scratch[:0], 100, ' ')))
	m.keep(cReserve, initial+d.price())
	if m.has[cAuctionExtra] {
		m.put(cAuctionExtra, string(m.market.extra(&d, size, 500)))
	}
}

func (m *maker) keep(c int, v int64) {
	if m.has[c] {
		m.cells[c].number(v)
	}
}

// bids makes the bids, which are nearly all there is: so the loop has no branches that depend on chance, and the numbers go straight to
// where they are wanted.
func (m *maker) bids(from, to int64) {
	n := int(count(Bids, to) - count(Bids, from))
	auctions, bidders, after := make([]int64, n), make([]int64, n), make([]draws, n)
	i := 0
	for round := from / eventsPerRound; round*eventsPerRound < to; round++ {
		lo, hi := max(from, round*eventsPerRound+bidsFrom), min(to, (round+1)*eventsPerRound)
		if lo < hi {
			k := int(hi - lo)
			bidRound(lo, auctions[i:i+k], bidders[i:i+k], after[i:i+k])
			i += k
		}
	}
	m.cells[cAuction].numbers, m.cells[cBidder].numbers = auctions, bidders
	if m.anyOf(cPrice, cBidExtra) {
		m.offers(after)
	}
}

// bidRound draws auctions and bidders of bids of one round, from number n on, and leaves each event's random numbers behind those.
func bidRound(n int64, auctions, bidders []int64, after []draws) {
	person, newest := newest(n)
	oldest := max(newest-auctionsInFlight, 0)
	hotAuction, coldAuctions := newest/hotBatch*hotBatch+firstID, newest-oldest+1+peopleAhead
	people := person + 1
	active := min(people, activePeople)
	hotBidder, firstBidder := person/hotBatch*hotBatch+1+firstID, people-active+firstID
	for i := range auctions {
		s := mix(uint64(n+int64(i))*golden + 99)
		auction := hotAuction
		s += golden
		cold := oldest + firstID + below(mix(s+golden), coldAuctions)
		if mix(s)>>63 == 0 { // one in two
			auction = cold
			s += golden
		}
		s += golden
		bidder := hotBidder
		coldBidder := firstBidder + below(mix(s+golden), active+peopleAhead)
		if mix(s)>>62 == 0 { // one in four
			bidder = coldBidder
			s += golden
		}
		auctions[i], bidders[i], after[i] = auction, bidder, draws{s}
	}
}

// offers draws what comes behind a bid's auction and bidder.
func (m *maker) offers(after []draws) {
	if m.has[cPrice] {
		prices := make([]int64, len(after))
		for i := range after {
			prices[i] = after[i].price()
		}
		m.cells[cPrice].numbers = prices
	} else {
		for i := range after {
			after[i].skip(1)
		}
	}
	if !m.anyOf(cChannel, cBidExtra) {
		return
	}
	names, urls, extras := &m.cells[cChannel], &m.cells[cURL], &m.cells[cBidExtra]
	for i := range after {
		d := &after[i]
		at := d.next() >> 63 // 0, which is one in two: a cold one
		var c *channel
		if at == 0 {
			c = &m.market.channels[hotChannels+d.below(coldChannels)]
		} else {
			c = &m.market.channels[d.below(hotChannels)]
		}
		if m.has[cChannel] {
			names.text(c.name)
		}
		if m.has[cURL] {
			urls.text(c.url)
		}
		if m.has[cBidExtra] {
			extras.end(append(extras.texts, m.market.extra(d, 32, 100)...))
		}
	}
}
