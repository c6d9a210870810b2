package csv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/millrace/millrace/formats/internal/lines"
)

// A table has the places of the fields of some records in a chunk. Of a record with n fields there are n+1 places: the byte before the record, then
// the end of each field, so that field i is data[places[i]+1 : places[i+1]]. The end of a field is its delimiter, or the line's end.
//
//	  a,bb,c\r\nd,,e\n
//	-1 1  4 6   9 10 12          both records with stride 4: {-1 1 4 6} {7 9 10 12}
type table struct {
	data   []byte
	places []int32
	stride int // fields of a record, and one
	rows   int
	read   int // bytes of data that the records take, and what is left out between them
	bad    []lines.Bad
	quoted bool // fields may begin with a quote
}

// start returns where record r begins.
func (t *table) start(r int) int { return int(t.places[r*t.stride]) + 1 }

// tokenizer finds records and fields.
type tokenizer struct {
	delimiter byte
	quote     byte
	fields    int
	multiline bool
	maxRecord int
	t         table
}

// find fills t with at most rows records from the start of data, which are whole.
func (k *tokenizer) find(data []byte, rows int) *table {
	k.t.data, k.t.stride, k.t.rows, k.t.read, k.t.bad = data, k.fields+1, 0, 0, k.t.bad[:0]
	if need := (rows + 1) * k.t.stride; len(k.t.places) < need { // a row more: loops over a column step over the end
		k.t.places = make([]int32, need)
	}
	k.t.quoted = bytes.IndexByte(data, k.quote) >= 0
	if k.t.quoted {
		k.findQuoted(rows)
	} else {
		k.findPlain(rows)
	}
	return &k.t
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	lows  = 0x7f7f7f7f7f7f7f7f
)

// zeros has the high bit set of each byte of w that is zero, exactly. Hacker's Delight, 6-1.
func zeros(w uint64) uint64 { return ^((w&lows + lows) | w | lows) }

// findPlain is find for data without quotes. It is the loop that the price of CSV is made of: eight bytes are compared with the delimiter and the
// newline at once, and each hit is a place.
func (k *tokenizer) findPlain(rows int) {
	t := &k.t
	data, places := t.data, t.places
	delimiters, newlines := ones*uint64(k.delimiter), uint64(ones*'\n')
	stride := t.stride
	begin := 0     // of the record, in places
	last := stride // begin of the next, if the record has the right number of fields
	end := rows * stride
	n := 1 // next free in places
	places[0] = -1
	for at := 0; at < len(data); at += 8 {
		w := load(data, at)
		for hits := zeros(w^delimiters) | zeros(w^newlines); hits != 0; hits &= hits - 1 {
			p := at + bits.TrailingZeros64(hits)>>3
			if n < last && data[p] != '\n' {
				places[n] = int32(p)
				n++
				continue
			}
			if data[p] != '\n' { // one field too many
				n++
				continue
			}
			if !k.endLine(begin, n, p) {
				n = begin + 1
				places[begin] = int32(p)
				t.read = p + 1
				continue
			}
			begin, last, n = last, last+stride, last+1
			t.rows++
			t.read = p + 1
			if begin == end {
				return
			}
			places[begin] = int32(p)
		}
	}
	if t.read < len(data) { // the file's last line has no newline
		if k.endLine(begin, n, len(data)) {
			t.rows++
		}
		t.read = len(data)
	}
}

// load returns eight bytes from data[at] on, zeros behind its end.
func load(data []byte, at int) uint64 {
	if at+8 <= len(data) {
		return binary.LittleEndian.Uint64(data[at:])
	}
	var last [8]byte
	copy(last[:], data[at:])
	return binary.LittleEndian.Uint64(last[:])
}

// endLine ends the record whose places begin at begin and whose last field, to be number n-1 of the places, ends with the line at p. It returns false when
// the line is left out: empty, or bad.
func (k *tokenizer) endLine(begin, n, p int) bool {
	t := &k.t
	start := int(t.places[begin]) + 1
	if p > start && t.data[p-1] == '\r' {
		p--
	}
	fields := n - begin
	switch {
	case p == start && k.fields > 1:
		return false
	case p-start > k.maxRecord:
		k.complain(start, fmt.Errorf("the record is longer than the limit of %d bytes", k.maxRecord))
		return false
	case fields != k.fields:
		k.complain(start, fieldCount(fields, k.fields))
		return false
	}
	t.places[n] = int32(p)
	return true
}

func fieldCount(got, want int) error {
	return fmt.Errorf("the record has %d fields, not %d", got, want)
}

func (k *tokenizer) complain(start int, reason error) {
	k.t.bad = append(k.t.bad, lines.Bad{At: start, Row: -1, Reason: reason})
}

// findQuoted is find for data with quotes: findPlain with quotes as a third kind of hit. A record with a quote where none may be is left to
// record, which knows what is wrong with it.
func (k *tokenizer) findQuoted(rows int) {
	t := &k.t
	data, places := t.data, t.places
	delimiters, newlines, quotes := ones*uint64(k.delimiter), uint64(ones*'\n'), ones*uint64(k.quote)
	begin, n, field := 0, 1, 0 // of the record in places, next free there, of the field in data
	inside, closed := false, -2
	places[0] = -1
	for at := 0; at < len(data); at += 8 {
		w := load(data, at)
		for hits := zeros(w^delimiters) | zeros(w^newlines) | zeros(w^quotes); hits != 0; hits &= hits - 1 {
			p := at + bits.TrailingZeros64(hits)>>3
			c := data[p]
			var wrong bool
			switch {
			case c == k.quote && inside:
				inside, closed = false, p
				continue
			case c == k.quote && (p == field || closed >= field && p == closed+1): // opened, or opened again: a doubled one
				inside = true
				continue
			case c == k.quote:
				if closed < field { // in a field that does not begin with one
					continue
				}
				wrong = true
			case inside:
				if c != '\n' || k.multiline {
					continue
				}
				wrong = true
			default:
				wrong = closed >= field && !k.ends(closed, p)
			}
			if !wrong && c != '\n' {
				if n < begin+t.stride {
					places[n] = int32(p)
				}
				n++
				field = p + 1
				continue
			}
			next := p + 1
			if wrong {
				next = k.leaveOut(int(places[begin]) + 1)
			} else if k.endLine(begin, n, p) {
				begin += t.stride
				t.rows++
			}
			t.read = next
			if t.rows == rows {
				return
			}
			places[begin] = int32(next - 1)
			n, field, inside, closed = begin+1, next, false, -2
			if wrong {
				at = next - 8 // goes on there
				break
			}
		}
	}
	if t.read < len(data) { // the file's last line has no newline
		if inside || closed >= field && !k.ends(closed, len(data)) {
			t.read = k.leaveOut(t.read) // what follows is for the next call
			return
		}
		if k.endLine(begin, n, len(data)) {
			t.rows++
		}
		t.read = len(data)
	}
}

// ends says whether a field whose closing quote is at closed may end at p: right behind it, or behind the first half of a line's end.
func (k *tokenizer) ends(closed, p int) bool {
	data := k.t.data
	return closed == p-1 || closed == p-2 && data[p-1] == '\r' && (p == len(data) || data[p] == '\n')
}

// leaveOut complains of the record at start, in which a quote is wrong, and returns where the next begins.
func (k *tokenizer) leaveOut(start int) (next int) {
	next, _, err := k.record(k.t.data, start, nil)
	k.complain(start, err)
	return next
}

var (
	errOpenQuote  = errors.New("a quote is opened and not closed on the line; fields with newlines need Multiline")
	errOpenToEnd  = errors.New("a quote is opened and not closed")
	errAfterQuote = errors.New("text follows a closing quote")
)

// record finds the record at data[at]. It sets the ends of as many fields as ends has room for, and returns where the next record begins and how
// many fields there are; 0 for an empty line. After an error the next record begins with the next line.
func (k *tokenizer) record(data []byte, at int, ends []int32) (next, fields int, err error) {
	start := at
	for {
		end, quoteErr := k.fieldEnd(data, at)
		if quoteErr != nil {
			return lineEnd(data, at), fields, quoteErr
		}
		last := end >= len(data) || data[end] == '\n'
		stop := end
		if last && end > at && data[end-1] == '\r' {
			stop--
		}
		if fields < len(ends) {
			ends[fields] = int32(stop)
		}
		fields++
		if last {
			if fields == 1 && stop == start && k.fields > 1 {
				fields = 0
			}
			return min(end+1, len(data)), fields, nil
		}
		at = end + 1
	}
}

// fieldEnd returns where the field at data[at] ends: at a delimiter, a newline or the end of data.
func (k *tokenizer) fieldEnd(data []byte, at int) (int, error) {
	if at >= len(data) || data[at] != k.quote {
		for at < len(data) && data[at] != k.delimiter && data[at] != '\n' {
			at++
		}
		return at, nil
	}
	for at++; ; at += 2 {
		i := bytes.IndexByte(data[at:], k.quote)
		if i < 0 {
			if k.multiline {
				return 0, errOpenToEnd
			}
			return 0, errOpenQuote
		}
		if !k.multiline && bytes.IndexByte(data[at:at+i], '\n') >= 0 {
			return 0, errOpenQuote
		}
		at += i
		if at+1 >= len(data) || data[at+1] != k.quote {
			break
		}
	}
	at++
	if at < len(data) && data[at] == '\r' && (at+1 == len(data) || data[at+1] == '\n') {
		return at + 1, nil
	}
	if at < len(data) && data[at] != k.delimiter && data[at] != '\n' {
		return 0, errAfterQuote
	}
	return at, nil
}

func lineEnd(data []byte, at int) int {
	if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(data)
}

// wholeRecords returns how many bytes the whole records at the start of data take, when records may have newlines.
func (k *tokenizer) wholeRecords(data []byte) int {
	if bytes.IndexByte(data, k.quote) < 0 {
		return bytes.LastIndexByte(data, '\n') + 1
	}
	whole := 0
	for whole < len(data) {
		next, _, err := k.record(data, whole, nil)
		if errors.Is(err, errOpenToEnd) || next == len(data) && data[next-1] != '\n' {
			break
		}
		whole = next
	}
	return whole
}

// appendUnquoted appends the text of a field: without its quotes, doubled ones halved.
func appendUnquoted(text, field []byte, quote byte) []byte {
	if len(field) < 2 || field[0] != quote {
		return append(text, field...)
	}
	field = field[1 : len(field)-1]
	for {
		i := bytes.IndexByte(field, quote)
		if i < 0 {
			return append(text, field...)
		}
		text = append(text, field[:i+1]...)
		field = field[i+2:]
	}
}
