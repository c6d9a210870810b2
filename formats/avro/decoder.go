package avro

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errEnd says that the bytes end inside a value.
var errEnd = errors.New("the data ends inside a value")

// decoder reads Avro's binary encoding. After the first error all values are zero.
type decoder struct {
	data  []byte
	pos   int
	depth int
	err   error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.pos = len(d.data)
}

// long reads an int or a long.
func (d *decoder) long() int64 {
	if d.pos < len(d.data) && d.data[d.pos] < 0x80 { // most are small
		v := d.data[d.pos]
		d.pos++
		return int64(v>>1) ^ -int64(v&1)
	}
	v, n := binary.Varint(d.data[d.pos:])
	switch {
	case n > 0:
		d.pos += n
		return v
	case n == 0:
		d.fail(errEnd)
	default:
		d.fail(errors.New("an integer of more than 64 bits"))
	}
	return 0
}

// take returns the next n bytes.
func (d *decoder) take(n int64) []byte {
	if n < 0 || n > int64(len(d.data)-d.pos) {
		if n < 0 || n > 1<<40 {
			d.fail(fmt.Errorf("a value of %d bytes", n))
		} else {
			d.fail(errEnd)
		}
		return nil
	}
	d.pos += int(n)
	return d.data[d.pos-int(n) : d.pos]
}

// bytes reads bytes or a string; it aliases the data.
func (d *decoder) bytes() []byte { return d.take(d.long()) }

// count reads how many items the next part of an array or map has; 0 ends it.
func (d *decoder) count() int64 {
	n := d.long()
	if n < 0 { // then the part's size in bytes follows
		n = -n
		d.long()
	}
	// Items that take no bytes would let a few bytes stand for any number of them.
	if n < 0 || n > int64(len(d.data)-d.pos)+1<<16 {
		d.fail(fmt.Errorf("%d items in %d bytes", n, len(d.data)-d.pos))
	}
	if d.err != nil {
		return 0
	}
	return n
}
