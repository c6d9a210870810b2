package nexmark

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// The columns of an Event by number, in the order of its fields.
const (
	cType = iota
	cTime
	cPersonID
	cName
	cEmail
	cCard
	cCity
	cState
	cPersonExtra
	cAuctionID
	cItem
	cDescription
	cInitial
	cReserve
	cExpires
	cSeller
	cCategory
	cAuctionExtra
	cAuction
	cBidder
	cPrice
	cChannel
	cURL
	cBidExtra
	columnCount
)

// kindOf returns the kind whose events have a column; All: every one's.
func kindOf(column int) Kind {
	switch {
	case column >= cAuction:
		return Bids
	case column >= cAuctionID:
		return Auctions
	case column >= cPersonID:
		return People
	default:
		return All
	}
}

// wanted is which columns are to be made.
type wanted struct {
	schema  *columnar.Schema
	numbers []int // by field of schema
	has     [columnCount]bool
}

func newWanted(schema *columnar.Schema) (wanted, error) {
	c, err := codec.Of[Event]()
	if err != nil {
		return wanted{}, err
	}
	all := c.Schema()
	w := wanted{schema: schema}
	for _, f := range schema.Fields {
		i := all.Index(f.Name)
		if i < 0 || !all.Fields[i].Type.Equal(f.Type) {
			return wanted{}, fmt.Errorf("nexmark: no event has the column %s; there are %v", f, all.Fields)
		}
		w.numbers, w.has[i] = append(w.numbers, i), true
	}
	return w, nil
}

// anyOf says whether a column from that number on, up to last, is wanted.
func (w *wanted) anyOf(from, last int) bool { return slices.Contains(w.has[from:last+1], true) }

// cells are the values of one column of one kind's events, in order: numbers, or texts one after the other with their ends.
type cells struct {
	numbers []int64
	texts   []byte
	ends    []int32
}

func (c *cells) number(v int64) { c.numbers = append(c.numbers, v) }

func (c *cells) text(v string) { c.end(append(c.texts, v...)) }

// end ends a text that was appended to texts.
func (c *cells) end(texts []byte) {
	c.texts = texts
	c.ends = append(c.ends, int32(len(texts)))
}

// column spreads the cells over a column of rows rows: the i-th goes to row at[i], others are zero. at is nil when there are no others.
func (c *cells) column(t columnar.Type, rows int, at []int32) columnar.Column {
	if t.Kind == columnar.String {
		return c.strings(t, rows, at)
	}
	values := c.numbers
	if at != nil {
		values = make([]int64, rows)
		for i, row := range at {
			values[row] = c.numbers[i]
		}
	}
	return columnar.Of(t, values, columnar.Bitmap{})
}

func (c *cells) strings(t columnar.Type, rows int, at []int32) columnar.Column {
	offsets := make([]int32, rows+1)
	if at == nil {
		copy(offsets[1:], c.ends)
		return columnar.OfStrings(t, offsets, c.texts, columnar.Bitmap{})
	}
	row, end := 0, int32(0)
	for i, next := range at {
		for ; row <= int(next); row++ {
			offsets[row] = end
		}
		end = c.ends[i]
	}
	for ; row <= rows; row++ {
		offsets[row] = end
	}
	return columnar.OfStrings(t, offsets, c.texts, columnar.Bitmap{})
}
