package main

import (
	"bytes"
	"path/filepath"
	"strconv"
	"time"
)

// lineitem holds the raw columns of the scan: dates in days since 1970, money and discount in hundredths.
type lineitem struct {
	shipdate, discount, quantity, price, tax []int64
	comment                                  stringColumn
}

// scanSums is the result over some rows.
type scanSums struct {
	n, quantity, price, tax int64
	least, greatest         []byte // comments
}

// scan filters lineitem by shipdate in 1994 and 1995 and discount 0.05 to 0.07, and sums up the rest.
func scan(in, out string, threads int) error {
	t, err := openLineitem(filepath.Join(in, "lineitem"))
	if err != nil {
		return err
	}
	parts := make([]scanSums, threads)
	err = eachRange(len(t.shipdate), threads, func(thread, from, to int) error {
		parts[thread] = t.sum(from, to)
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range parts[1:] {
		parts[0].merge(p)
	}
	return writeResult(out, parts[0].appendCSV([]byte("n,quantity_sum,price_sum,tax_sum,comment_min,comment_max\n")))
}

func openLineitem(dir string) (*lineitem, error) {
	t := &lineitem{}
	for name, column := range map[string]*[]int64{
		"l_shipdate": &t.shipdate, "l_discount": &t.discount, "l_quantity": &t.quantity, "l_extendedprice": &t.price, "l_tax": &t.tax,
	} {
		var err error
		if *column, err = mapInts(dir, name); err != nil {
			return nil, err
		}
	}
	var err error
	t.comment, err = mapStrings(dir, "l_comment")
	return t, err
}

// sum makes a list of the rows that pass, block by block, without a branch on the data.
func (t *lineitem) sum(from, to int) (s scanSums) {
	first := day(1994)
	span := day(1996) - first
	var hits [blockRows]int32
	for ; from < to; from += blockRows {
		end := min(from+blockRows, to)
		dates, discounts := t.shipdate[from:end], t.discount[from:end]
		n := 0
		for i, d := range dates {
			hits[n] = int32(i)
			n += inside(d, first, span) & inside(discounts[i], 5, 3)
		}
		for _, i := range hits[:n] {
			t.add(&s, from+int(i))
		}
	}
	return s
}

// inside is 1 when low <= v < low+span and 0 otherwise.
func inside(v, low, span int64) int {
	return int(uint64(^(v-low)&(v-low-span)) >> 63)
}

func (t *lineitem) add(s *scanSums, row int) {
	s.n++
	s.quantity += t.quantity[row]
	s.price += t.price[row]
	s.tax += t.tax[row]
	s.comment(t.comment.at(row))
}

func (s *scanSums) comment(c []byte) {
	if s.least == nil || bytes.Compare(c, s.least) < 0 {
		s.least = c
	}
	if s.greatest == nil || bytes.Compare(c, s.greatest) > 0 {
		s.greatest = c
	}
}

func (s *scanSums) merge(o scanSums) {
	if o.n == 0 {
		return
	}
	s.n += o.n
	s.quantity += o.quantity
	s.price += o.price
	s.tax += o.tax
	s.comment(o.least)
	s.comment(o.greatest)
}

func (s *scanSums) appendCSV(b []byte) []byte {
	b = strconv.AppendInt(b, s.n, 10)
	for _, hundredths := range []int64{s.quantity, s.price, s.tax} {
		b = appendHundredths(append(b, ','), hundredths)
	}
	b = appendCell(append(b, ','), s.least)
	return append(appendCell(append(b, ','), s.greatest), '\n')
}

// appendHundredths appends a sum that is not negative with two decimals.
func appendHundredths(b []byte, v int64) []byte {
	b = append(strconv.AppendInt(b, v/100, 10), '.')
	return append(b, byte('0'+v/10%10), byte('0'+v%10))
}

// appendCell appends s in quotes.
func appendCell(b, s []byte) []byte {
	b = append(b, '"')
	b = append(b, bytes.ReplaceAll(s, []byte(`"`), []byte(`""`))...)
	return append(b, '"')
}

// day is the first of January in days since 1970.
func day(year int) int64 {
	return time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400
}
