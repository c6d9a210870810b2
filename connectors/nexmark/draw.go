package nexmark

import (
	"bytes"
	"math"
	"math/bits"
	"strconv"
)

const (
	eventsPerRound   = 50
	auctionsPerRound = 3
	bidsFrom         = 1 + auctionsPerRound // where in a round the bids begin
	activePeople     = 1000
	peopleAhead      = 10 // people and auctions that are drawn though they are still to come
	auctionsInFlight = 100
	hotBatch         = 100 // one hot item in so many
	firstID          = 1000
	firstCategory    = 10
	categories       = 5
)

// draws is a SplitMix64 generator (Steele, Lea, Flood 2014). Its n-th number is a function of state and n, so numbers that are not needed cost an
// addition.
type draws struct{ state uint64 }

const golden = 0x9e3779b97f4a7c15

// drawsOf returns the random numbers of event n.
func drawsOf(n int64) draws { return draws{mix(uint64(n)*golden + 99)} }

func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

func (d *draws) next() uint64 {
	d.state += golden
	return mix(d.state)
}

func (d *draws) skip(n int) { d.state += golden * uint64(n) }

// below returns a number in [0, n) by a multiplication of the upper 32 bits.
func below(random uint64, n int64) int64 { return int64(((random >> 32) * uint64(n)) >> 32) }

func (d *draws) below(n int64) int64 { return below(d.next(), n) }

func (d *draws) oneIn(n int64) bool { return d.below(n) == 0 }

func (d *draws) letter() byte { return byte('a' + d.below(26)) }

func (d *draws) pick(list []string) string { return list[d.below(int64(len(list)))] }

// appendText appends 3 to limit-1 letters, one in 13 of them replaced by special, without blanks at the ends.
func (d *draws) appendText(out []byte, limit int64, special byte) []byte {
	at := len(out)
	for range 3 + d.below(limit-3) {
		c := special
		if !d.oneIn(13) {
			c = d.letter()
		}
		out = append(out, c)
	}
	return append(out[:at], bytes.Trim(out[at:], " ")...)
}

// newest returns the numbers of the newest person and auction at event n.
func newest(n int64) (person, auction int64) {
	round, at := n/eventsPerRound, n%eventsPerRound
	if at < 1 { // the person comes first: the newest auction is the last round's
		return round, round*auctionsPerRound - 1
	}
	return round, round*auctionsPerRound + min(at-1, auctionsPerRound-1)
}

// somePerson draws one of the active people, or one about to come.
func somePerson(random uint64, newest int64) int64 {
	people := newest + 1
	active := min(people, activePeople)
	return people - active + below(random, active+peopleAhead)
}

// price draws a price, uniform on a logarithmic scale from 1.00 to 1,000,000.00.
func (d *draws) price() int64 { return priceOf(d.next()) }

// priceOf is floor(100 * 10^(6f) + 0.5) for a random f in [0, 1). The power comes from a table and a polynomial, whose error is far below
// that of the one in thousands of prices which lie so close to the next that the exact power has to decide.
func priceOf(random uint64) int64 {
	const tooClose = 1e-4
	f := float64(random>>11) / (1 << 53)
	x := f * (6 * math.Ln10 / math.Ln2 * powerSteps)
	i := int(x)
	r := (x - float64(i)) * (math.Ln2 / powerSteps)
	v := powers[i]*(1+r*(1+r*(1./2+r*(1./6+r*(1./24+r*(1./120)))))) + 0.5
	p := int64(v)
	if rest := v - float64(p); rest < tooClose || rest > 1-tooClose {
		return int64(math.Floor(math.Pow(10, f*6)*100 + 0.5))
	}
	return p
}

// powerSteps is how many entries of powers double the value.
const powerSteps = 128

// powers has 100 * 2^(i/powerSteps), up to 10^8 and a little more.
var powers = func() (table [20*powerSteps + 1]float64) {
	for i := range table {
		table[i] = 100 * math.Exp2(float64(i)/powerSteps)
	}
	return table
}()

var (
	states     = []string{"AZ", "CA", "ID", "OR", "WA", "WY"}
	cities     = []string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	firstNames = []string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	lastNames  = []string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
)

// market has the texts that events draw from. It is read-only once made.
type market struct {
	channels [hotChannels + coldChannels]channel // the hot ones first
	filler   []byte                              // letters that the extra columns are cut from
}

type channel struct{ name, url string }

const (
	hotChannels  = 4
	coldChannels = 10_000
)

func newMarket() *market {
	d := &draws{mix(1)}
	m := &market{filler: make([]byte, 1<<20)}
	for i, name := range []string{"Google", "Facebook", "Baidu", "Apple"} {
		m.channels[i] = channel{name, itemURL(d)}
	}
	for i := range coldChannels {
		c := channel{"channel-" + strconv.Itoa(i), itemURL(d)}
		if !d.oneIn(10) {
			c.url += "&channel_id=" + strconv.FormatInt(channelID(i), 10)
		}
		m.channels[hotChannels+i] = c
	}
	for i := range m.filler {
		m.filler[i] = d.letter()
	}
	return m
}

// channelID is the magnitude of the bit-reversed 32-bit number.
func channelID(i int) int64 {
	id := int64(int32(bits.Reverse32(uint32(i))))
	return max(id, -id)
}

func itemURL(d *draws) string {
	url := []byte("https://www.nexmark.com/")
	for range 3 {
		url = append(d.appendText(url, 5, '_'), '/')
	}
	return string(append(url, "item.htm?query=1"...))
}

// extra returns the filler that brings a record of size bytes to about average.
func (m *market) extra(d *draws, size, average int) []byte {
	if size > average {
		return nil
	}
	missing := average - size
	spread := int(math.Round(float64(missing) * 0.2))
	n := missing - spread
	if spread > 0 {
		n += int(d.below(int64(2 * spread)))
	}
	at := int(d.below(int64(len(m.filler) - n)))
	return m.filler[at : at+n]
}
