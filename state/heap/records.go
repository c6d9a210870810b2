package heap

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/state"
)

// recordBuffer is how much of a file is read at a time.
const recordBuffer = 64 << 10

// records reads the records that a file has of a key group, and of them what they have of one table.
type records struct {
	in    *bufio.Reader
	left  int64  // bytes that have not been taken from in
	forms []bool // by table: it has namespaces
	table int

	at    uint64 // place + 1
	there bool
	key   []byte
	marks []byte
	cells []recordCell
	data  []byte
}

// recordCell is where a cell and its namespace are in the data of a record.
type recordCell struct{ namespace, stored, end int }

// newRecords reads group number k of a file.
func newRecords(f *savedFile, k, table int) *records {
	tables, g := f.foot.Tables, f.foot.Groups[k]
	r := &records{
		in: bufio.NewReaderSize(io.NewSectionReader(f.at, g[1], g[2]), int(min(g[2]+16, recordBuffer))), left: g[2], table: table,
		marks: make([]byte, max(2, (len(tables)+1+7)/8)),
	}
	for _, t := range tables {
		r.forms = append(r.forms, len(t.Namespace) > 0)
	}
	return r
}

// next reads a record; ok is false behind the last one.
func (r *records) next() (ok bool, err error) {
	r.cells, r.data, r.there = r.cells[:0], r.data[:0], false
	if r.left == 0 {
		return false, nil
	}
	step, err := r.number()
	if err != nil {
		return false, err
	}
	if step < 2 || step>>1 > 1<<32 {
		return false, fmt.Errorf("%w: a record %d places on", state.ErrCorrupt, step>>1)
	}
	r.at, r.there = r.at+step>>1, step&1 != 0
	if !r.there {
		return true, nil
	}
	if r.key, err = r.bytes(r.key[:0]); err != nil {
		return false, err
	}
	if err := r.fill(r.marks); err != nil {
		return false, err
	}
	for i, namespaced := range r.forms {
		if row(r.marks).has(i + 1) {
			if err := r.readCells(i == r.table, namespaced); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// readCells reads what a record has of a table; what is not wanted is skipped.
func (r *records) readCells(wanted, namespaced bool) error {
	for {
		c := recordCell{namespace: len(r.data)}
		if namespaced {
			n, err := r.number()
			if err != nil || n == 0 {
				return err
			}
			if err := r.take(n-1, wanted); err != nil {
				return err
			}
		}
		c.stored = len(r.data)
		n, err := r.number()
		if err != nil {
			return err
		}
		if err := r.take(n, wanted); err != nil {
			return err
		}
		if wanted {
			c.end = len(r.data)
			r.cells = append(r.cells, c)
		}
		if !namespaced {
			return nil
		}
	}
}

// number reads a varint.
func (r *records) number() (v uint64, err error) {
	for shift := 0; shift < 64; shift += 7 {
		if r.left == 0 {
			return 0, errShort
		}
		b, err := r.in.ReadByte()
		if err != nil {
			return 0, asShort(err)
		}
		r.left--
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%w: a number of more than 64 bits", state.ErrCorrupt)
}

// bytes appends bytes that are behind their length.
func (r *records) bytes(to []byte) ([]byte, error) {
	n, err := r.number()
	if err == nil {
		err = r.check(n)
	}
	if err != nil {
		return to, err
	}
	return r.append(to, int(n))
}

// take reads n bytes: into data, or to nowhere.
func (r *records) take(n uint64, wanted bool) (err error) {
	if err := r.check(n); err != nil {
		return err
	}
	if wanted {
		r.data, err = r.append(r.data, int(n))
		return err
	}
	r.left -= int64(n)
	_, err = r.in.Discard(int(n))
	return asShort(err)
}

// check says whether there can be n more bytes.
func (r *records) check(n uint64) error {
	if n > uint64(r.left) {
		return errShort
	}
	return nil
}

// append appends n bytes, which are there.
func (r *records) append(to []byte, n int) ([]byte, error) {
	from := len(to)
	to = append(to, make([]byte, n)...)
	return to, r.fill(to[from:])
}

func (r *records) fill(p []byte) error {
	if err := r.check(uint64(len(p))); err != nil {
		return err
	}
	r.left -= int64(len(p))
	_, err := io.ReadFull(r.in, p)
	return asShort(err)
}

var errShort = fmt.Errorf("%w: a record ends early", state.ErrCorrupt)

// asShort makes damage of a file that is shorter than it says.
func asShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errShort
	}
	return err
}
