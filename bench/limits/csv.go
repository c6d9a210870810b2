package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"time"
)

const pieceBytes = 4 << 20

// scanCSV aggregates every column of the orders files: count, sum of numbers, least and greatest.
func scanCSV(in, out string, threads int) error {
	pieces, err := csvPieces(in)
	if err != nil {
		return err
	}
	parts := make([]orders, threads)
	err = eachItem(len(pieces), threads, func(t, p int) error { return parts[t].scan(pieces[p]) })
	if err != nil {
		return err
	}
	for i := range parts[1:] {
		parts[0].merge(&parts[i+1])
	}
	return writeResult(out, parts[0].appendCSV(nil))
}

// csvPieces maps the files and cuts them behind newlines, without their header lines. It relies on there being
// no newline within a cell.
func csvPieces(in string) ([][]byte, error) {
	files, err := filepath.Glob(filepath.Join(in, "*.csv"))
	if err != nil {
		return nil, err
	}
	var pieces [][]byte
	for _, f := range files {
		text, err := mapFile(f)
		if err != nil {
			return nil, err
		}
		_, text, _ = bytes.Cut(text, []byte("\n"))
		for len(text) > pieceBytes {
			end := pieceBytes + bytes.IndexByte(text[pieceBytes:], '\n') + 1
			pieces = append(pieces, text[:end])
			text = text[end:]
		}
		if len(text) > 0 {
			pieces = append(pieces, text)
		}
	}
	return pieces, nil
}

// orders aggregates the columns of some rows, in the order of the file.
type orders struct {
	rows                    int64
	id, account, quantity   intColumn
	price, discount, weight floatColumn
	status, customer, note  textColumn
	created                 intColumn // yyyymmdd, which has the order of dates
	scratch                 []byte
}

// scan adds the rows of text, which ends with a newline.
func (o *orders) scan(text []byte) error {
	c := cursor{text: text}
	for c.at < len(text) {
		o.id.add(c.int())
		o.account.add(c.int())
		o.quantity.add(c.int())
		o.price.add(c.float())
		if !c.skipEmpty() {
			o.discount.add(c.float())
		}
		o.weight.add(c.float())
		o.status.add(c.string(&o.scratch))
		o.customer.add(c.string(&o.scratch))
		o.note.add(c.string(&o.scratch))
		o.created.add(c.date())
		o.rows++
		if c.bad {
			return fmt.Errorf("row %d of a piece is malformed near %q", o.rows, text[max(c.at-80, 0):min(c.at, len(text))])
		}
	}
	return nil
}

func (o *orders) merge(p *orders) {
	o.rows += p.rows
	for i, c := range p.ints() {
		o.ints()[i].merge(c)
	}
	for i, c := range p.floats() {
		o.floats()[i].merge(c)
	}
	for i, c := range p.texts() {
		o.texts()[i].merge(c)
	}
}

func (o *orders) ints() []*intColumn     { return []*intColumn{&o.id, &o.account, &o.quantity, &o.created} }
func (o *orders) floats() []*floatColumn { return []*floatColumn{&o.price, &o.discount, &o.weight} }
func (o *orders) texts() []*textColumn   { return []*textColumn{&o.status, &o.customer, &o.note} }

// appendCSV appends a header and one row.
func (o *orders) appendCSV(b []byte) []byte {
	b = append(b, "n,id_n,id_sum,id_min,id_max,account_n,account_sum,account_min,account_max,"+
		"quantity_n,quantity_sum,quantity_min,quantity_max,price_n,price_sum,price_min,price_max,"+
		"discount_n,discount_sum,discount_min,discount_max,weight_n,weight_sum,weight_min,weight_max,"+
		"status_n,status_min,status_max,customer_n,customer_min,customer_max,note_n,note_min,note_max,"+
		"created_n,created_min,created_max\n"...)
	b = strconv.AppendInt(b, o.rows, 10)
	for _, c := range o.ints()[:3] {
		b = c.appendCSV(b)
	}
	for _, c := range o.floats() {
		b = c.appendCSV(b)
	}
	for _, c := range o.texts() {
		b = c.appendCSV(b)
	}
	b = strconv.AppendInt(append(b, ','), o.created.n, 10)
	b = appendDate(append(b, ','), o.created.least)
	return append(appendDate(append(b, ','), o.created.greatest), '\n')
}

func appendDate(b []byte, yyyymmdd int64) []byte {
	d := time.Date(int(yyyymmdd/10000), time.Month(yyyymmdd/100%100), int(yyyymmdd%100), 0, 0, 0, 0, time.UTC)
	return d.AppendFormat(b, time.DateOnly)
}
