package expr

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/columnar"
)

// text compiles lower, upper, length and substring.
func (b binder) text(e Expr) (vector, error) {
	v, err := b.vectors(e.Args)
	if err != nil {
		return nil, err
	}
	t := v[0].typ()
	if t.Kind == 0 {
		t = columnar.StringType
		v[0] = &constant{t: t}
	}
	binary := t.Kind == columnar.Binary && e.Op == OpLength
	if t.Kind != columnar.String && !binary {
		return nil, fmt.Errorf("%s takes a string, but %s is %s", e.Op, e.Args[0], t)
	}
	switch e.Op {
	case OpLength:
		return &length{arg: v[0], bytes: binary}, nil
	case OpSubstring:
		return newSubstring(e, v)
	case OpLower:
		return &textMap{args: v, write: func(dst []byte, s string, _ int) []byte { return appendCase(dst, s, 'A', strings.ToLower) }}, nil
	default:
		return &textMap{args: v, write: func(dst []byte, s string, _ int) []byte { return appendCase(dst, s, 'a', strings.ToUpper) }}, nil
	}
}

// newSubstring compiles substring(v[0], v[1], v[2]).
func newSubstring(e Expr, v []vector) (vector, error) {
	for i := 1; i < 3; i++ {
		var err error
		if !v[i].typ().IsInteger() && v[i].typ().Kind != 0 {
			return nil, fmt.Errorf("substring counts in integers, but %s is %s", e.Args[i], v[i].typ())
		}
		if v[i], err = adapt(v[i], columnar.Int64Type); err != nil {
			return nil, err
		}
	}
	m := &textMap{args: v}
	m.write = func(dst []byte, s string, i int) []byte {
		return append(dst, substring(s, m.numbers[0][i], m.numbers[1][i])...)
	}
	return m, nil
}

// appendCase appends s with the ASCII letters from first on in their other case; strings that are not ASCII go through full.
func appendCase(dst []byte, s string, first byte, full func(string) string) []byte {
	at := len(dst)
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return append(dst[:at], full(s)...)
		}
		if c-first < 26 {
			c ^= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// substring returns count characters of s from the start-th on, counted from 1.
func substring(s string, start, count int64) string {
	if count <= 0 {
		return ""
	}
	first, end := max(start, 1), start+count
	if end < start {
		end = math.MaxInt64
	}
	from := offsetOf(s, first-1)
	return s[from : from+offsetOf(s[from:], end-first)]
}

// offsetOf returns the byte at which the n-th character of s begins, counted from 0; len(s) past the end.
func offsetOf(s string, n int64) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}

// textMap makes a string of each row's string. Bytes are fresh for each batch, because views of them may live on.
type textMap struct {
	args    []vector
	write   func(dst []byte, s string, row int) []byte
	cols    []columnar.Column
	numbers [2][]int64 // of the arguments after the first
	offsets []int32
	valid   []byte
}

func (m *textMap) typ() columnar.Type { return columnar.StringType }

func (m *textMap) eval(f *frame, sel []int32) (columnar.Column, error) {
	m.cols = m.cols[:0]
	for _, a := range m.args {
		c, err := a.eval(f, sel)
		if err != nil {
			return c, err
		}
		m.cols = append(m.cols, c)
	}
	for k, c := range m.cols[1:] {
		m.numbers[k] = columnar.Values[int64](c)
	}
	valid := bothValid(&m.valid, f.n, m.cols...)
	in := m.cols[0]
	data := make([]byte, 0, textBytes(in, sel))
	m.offsets = append(m.offsets[:0], 0)
	for k := range rowCount(f.n, sel) {
		i := k
		if sel != nil {
			i = int(sel[k])
		}
		for len(m.offsets) <= i {
			m.offsets = append(m.offsets, int32(len(data)))
		}
		if valid.IsZero() || valid.Get(i) {
			data = m.write(data, in.Text(i), i)
		}
		if len(data) > 1<<31-1 {
			return in, fmt.Errorf("%w: strings of a batch pass 2 GiB", ErrOverflow)
		}
		m.offsets = append(m.offsets, int32(len(data)))
	}
	for len(m.offsets) <= f.n {
		m.offsets = append(m.offsets, int32(len(data)))
	}
	return columnar.OfStrings(columnar.StringType, m.offsets, data, valid), nil
}

// textBytes returns how many bytes the rows of sel have.
func textBytes(c columnar.Column, sel []int32) int {
	if sel == nil {
		return int(c.Offsets[c.Len] - c.Offsets[0])
	}
	n := 0
	for _, i := range sel {
		n += int(c.Offsets[i+1] - c.Offsets[i])
	}
	return n
}

// length counts characters, or bytes.
type length struct {
	arg    vector
	bytes  bool
	counts []int64
}

func (l *length) typ() columnar.Type { return columnar.Int64Type }

func (l *length) eval(f *frame, sel []int32) (columnar.Column, error) {
	c, err := l.arg.eval(f, sel)
	if err != nil {
		return c, err
	}
	l.counts = resize(l.counts, f.n)
	each(f.n, sel, func(i int) {
		if b := c.Bytes(i); l.bytes {
			l.counts[i] = int64(len(b))
		} else {
			l.counts[i] = int64(utf8.RuneCount(b))
		}
	})
	return columnar.Of(columnar.Int64Type, l.counts, c.Valid), nil
}

// each calls f for the rows of sel.
func each(n int, sel []int32, f func(i int)) {
	if sel == nil {
		for i := range n {
			f(i)
		}
		return
	}
	for _, i := range sel {
		f(int(i))
	}
}

func resize[T any](buf []T, n int) []T {
	if cap(buf) < n {
		return make([]T, n)
	}
	return buf[:n]
}
