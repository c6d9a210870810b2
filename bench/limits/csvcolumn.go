package main

import (
	"bytes"
	"strconv"
)

// The columns' running aggregates. Their zero value is that of no rows.

type intColumn struct{ n, sum, least, greatest int64 }

func (c *intColumn) add(v int64) {
	if c.n == 0 {
		c.least, c.greatest = v, v
	}
	c.n++
	c.sum += v
	c.least, c.greatest = min(c.least, v), max(c.greatest, v)
}

func (c *intColumn) merge(o *intColumn) {
	if o.n == 0 {
		return
	}
	n, sum := c.n+o.n, c.sum+o.sum
	c.add(o.least)
	c.add(o.greatest)
	c.n, c.sum = n, sum
}

func (c *intColumn) appendCSV(b []byte) []byte {
	for _, v := range []int64{c.n, c.sum, c.least, c.greatest} {
		b = strconv.AppendInt(append(b, ','), v, 10)
	}
	return b
}

type floatColumn struct {
	n                    int64
	sum, least, greatest float64
}

func (c *floatColumn) add(v float64) {
	if c.n == 0 {
		c.least, c.greatest = v, v
	}
	c.n++
	c.sum += v
	if v < c.least { // cheaper than min, which orders NaN and zeros
		c.least = v
	}
	if v > c.greatest {
		c.greatest = v
	}
}

func (c *floatColumn) merge(o *floatColumn) {
	if o.n == 0 {
		return
	}
	n, sum := c.n+o.n, c.sum+o.sum
	c.add(o.least)
	c.add(o.greatest)
	c.n, c.sum = n, sum
}

func (c *floatColumn) appendCSV(b []byte) []byte {
	b = strconv.AppendInt(append(b, ','), c.n, 10)
	for _, v := range []float64{c.sum, c.least, c.greatest} {
		b = strconv.AppendFloat(append(b, ','), v, 'g', -1, 64)
	}
	return b
}

type textColumn struct {
	n               int64
	least, greatest []byte // copies
}

func (c *textColumn) add(v []byte) {
	if c.n == 0 || bytes.Compare(v, c.least) < 0 {
		c.least = append(c.least[:0], v...)
	}
	if c.n == 0 || bytes.Compare(v, c.greatest) > 0 {
		c.greatest = append(c.greatest[:0], v...)
	}
	c.n++
}

func (c *textColumn) merge(o *textColumn) {
	if o.n == 0 {
		return
	}
	n := c.n + o.n
	c.add(o.least)
	c.add(o.greatest)
	c.n = n
}

func (c *textColumn) appendCSV(b []byte) []byte {
	b = strconv.AppendInt(append(b, ','), c.n, 10)
	b = appendCell(append(b, ','), c.least)
	return appendCell(append(b, ','), c.greatest)
}
