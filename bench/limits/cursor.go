package main

import (
	"bytes"
	"strconv"
	"unsafe"
)

// cursor reads typed cells one behind the other. Each method takes the cell at the cursor with the comma
// behind it, or the newline in the case of date, which is the last column. A malformed cell sets bad; what is
// read from then on has no meaning.
type cursor struct {
	text []byte // whole lines
	at   int
	bad  bool
}

// skipEmpty takes an empty cell, if there is one.
func (c *cursor) skipEmpty() bool {
	if c.at < len(c.text) && c.text[c.at] == ',' {
		c.at++
		return true
	}
	return false
}

// int takes digits.
func (c *cursor) int() int64 {
	v, digits := c.digits(0)
	c.bad = c.bad || digits == 0 || digits > 18
	c.end(',')
	return v
}

// digits goes on reading a number that begins with v, and counts the digits taken.
func (c *cursor) digits(v int64) (int64, int) {
	text, i := c.text, c.at
	for i < len(text) {
		d := text[i] - '0'
		if d > 9 {
			break
		}
		v = v*10 + int64(d)
		i++
	}
	n := i - c.at
	c.at = i
	return v, n
}

// end takes the separator behind a cell.
func (c *cursor) end(separator byte) {
	if c.at >= len(c.text) || c.text[c.at] != separator {
		c.bad = true
		c.at = len(c.text)
		return
	}
	c.at++
}

var powersOfTen = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// float takes a decimal without sign and exponent. Where digits and scale are exact floats, one division
// rounds right (Clinger 1990); the rest is strconv's.
func (c *cursor) float() float64 {
	start := c.at
	v, whole := c.digits(0)
	var scale int
	if c.at < len(c.text) && c.text[c.at] == '.' {
		c.at++
		v, scale = c.digits(v)
	}
	stop := c.at
	c.end(',')
	if whole+scale > 0 && whole+scale <= 18 && v < 1<<53 {
		return float64(v) / powersOfTen[scale]
	}
	return c.parse(c.text[start:stop])
}

func (c *cursor) parse(cell []byte) float64 {
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(cell), len(cell)), 64)
	c.bad = c.bad || err != nil
	return f
}

// string takes a cell that may be quoted. The result is valid until the next call with the same scratch.
func (c *cursor) string(scratch *[]byte) []byte {
	if c.at < len(c.text) && c.text[c.at] == '"' {
		return c.quoted(scratch)
	}
	n := bytes.IndexByte(c.text[c.at:], ',')
	if n < 0 {
		c.bad, c.at = true, len(c.text)
		return nil
	}
	cell := c.text[c.at : c.at+n]
	c.at += n + 1
	return cell
}

// quoted copies the cell only if it has doubled quotes inside.
func (c *cursor) quoted(scratch *[]byte) []byte {
	start := c.at + 1
	copied := (*scratch)[:0]
	for {
		n := bytes.IndexByte(c.text[start:], '"')
		if n < 0 {
			c.bad, c.at = true, len(c.text)
			return nil
		}
		piece := c.text[start : start+n]
		start += n + 1
		if start >= len(c.text) || c.text[start] != '"' {
			c.at = start
			c.end(',')
			if len(copied) == 0 {
				return piece
			}
			copied = append(copied, piece...)
			*scratch = copied
			return copied
		}
		copied = append(append(copied, piece...), '"')
		start++
	}
}

// date takes YYYY-MM-DD and returns YYYYMMDD as a number.
func (c *cursor) date() int64 {
	year, y := c.digits(0)
	month, m := c.part()
	day, d := c.part()
	c.bad = c.bad || y != 4 || m != 2 || d != 2 || month < 1 || month > 12 || day < 1 || day > 31
	c.end('\n')
	return year*10000 + month*100 + day
}

// part takes a dash and digits.
func (c *cursor) part() (int64, int) {
	if c.at >= len(c.text) || c.text[c.at] != '-' {
		return 0, 0
	}
	c.at++
	return c.digits(0)
}
