package main

import (
	"bufio"
	"strconv"
	"time"
)

const ordersHeader = "id,account,quantity,price,discount,weight,status,customer,note,created\n"

var (
	statuses  = []string{"open", "paid", "shipped", "returned", "cancelled"}
	givenName = []string{"Ada", "Björn", "Chloé", "Dana", "Emil", "Fatima", "Grace", "Hana", "Ivan", "José", "Kofi", "Linnéa"}
	lastName  = []string{"Abara", "Brandt", "Costa", "Diaz", "Eriksson", "Fischer", "García", "Hoang", "Ito", "Jansen", "Kowalski", "Lund"}
	noteWord  = []string{"leave", "at", "the", "door", "ring", "twice", "fragile", "gift", "wrap", "call", "before", "noon", "second", "floor", "no", "hurry"}
)

// writeOrders writes CSV files with a header each, RFC 4180, no newline inside a cell, about 120 bytes a row:
//
//	id        int64    row number times 1000 plus noise
//	account   int64    up to 13 digits
//	quantity  int64    1 to 100
//	price     float64  two decimals
//	discount  float64  two decimals, one in ten empty
//	weight    float64  shortest decimal that reads back exactly, about 17 digits
//	status    string   one of five
//	customer  string   "Last, First": always quoted, some not ASCII
//	note      string   3 to 9 words; one in eight has a comma, one in sixteen quotes, and is quoted for it
//	created   date     YYYY-MM-DD, ten years
func writeOrders(dir string, rows int64, parts int) error {
	per := rows / int64(parts)
	return writeParts(dir, ".csv", parts, func(k int, w *bufio.Writer) error {
		if _, err := w.WriteString(ordersHeader); err != nil {
			return err
		}
		var b []byte
		for i := int64(k) * per; i < int64(k+1)*per; i++ {
			b = appendOrder(b[:0], i)
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
}

func appendOrder(b []byte, row int64) []byte {
	r := newRNG(row, 0x31<<40)
	b = append(strconv.AppendInt(b, row*1000+int64(r.intn(1000)), 10), ',')
	b = append(strconv.AppendInt(b, int64(r.next()>>24), 10), ',')
	b = append(strconv.AppendInt(b, int64(1+r.intn(100)), 10), ',')
	b = append(appendCents(b, r.intn(10_000_000)), ',')
	if !r.oneIn(10) {
		b = appendCents(b, r.intn(50))
	}
	b = append(strconv.AppendFloat(append(b, ','), r.float()*250, 'f', -1, 64), ',')
	b = append(append(b, r.pick(statuses)...), ',', '"')
	b = append(append(b, r.pick(lastName)...), ", "...)
	b = append(append(b, r.pick(givenName)...), '"', ',')
	b = append(appendNote(b, r), ',')
	return append(appendDay(b, r.intn(3653)), '\n')
}

// appendCents appends cents/100 with two decimals.
func appendCents(b []byte, cents int) []byte {
	b = append(strconv.AppendInt(b, int64(cents/100), 10), '.')
	return append(b, byte('0'+cents/10%10), byte('0'+cents%10))
}

// appendDay appends the date that many days after 2015-01-01.
func appendDay(b []byte, days int) []byte {
	return time.Date(2015, time.January, 1+days, 0, 0, 0, 0, time.UTC).AppendFormat(b, time.DateOnly)
}

func appendNote(b []byte, r *rng) []byte {
	comma, quotes := r.oneIn(8), r.oneIn(16)
	if comma || quotes {
		b = append(b, '"')
	}
	for n := 3 + r.intn(7); n > 0; n-- {
		b = append(b, r.pick(noteWord)...)
		if n > 1 {
			b = append(b, ' ')
		}
	}
	if comma {
		b = append(b, ", please"...)
	}
	if quotes {
		b = append(b, ` ""thanks""`...)
	}
	if comma || quotes {
		b = append(b, '"')
	}
	return b
}
