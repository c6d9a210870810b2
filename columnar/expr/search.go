package expr

import (
	"bytes"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/kernel"
)

// search compiles LIKE, starts_with, ends_with and contains.
func (b binder) search(e Expr, want bool) (truth, error) {
	v, err := b.vectors(e.Args)
	if err != nil {
		return nil, err
	}
	for i, a := range v {
		if a.typ().Kind == 0 {
			return &leaf{isNull: true}, nil
		}
		if !a.typ().IsVariable() {
			return nil, fmt.Errorf("%s takes strings, but %s is %s", e.Op, e.Args[i], a.typ())
		}
	}
	if c, ok := v[1].(*constant); ok {
		if c.value == nil {
			return &leaf{isNull: true}, nil
		}
		text, _ := textOf(c.value)
		return &leaf{args: v[:1], test: searchTest(e.Op, text, want)}, nil
	}
	find := map[Op]func(s, part []byte) bool{OpStartsWith: bytes.HasPrefix, OpEndsWith: bytes.HasSuffix, OpContains: bytes.Contains}[e.Op]
	return &leaf{args: v, test: rowTest(func(cols []columnar.Column, i int) bool {
		return find(cols[0].Bytes(i), cols[1].Bytes(i)) == want
	})}, nil
}

// searchTest looks for a constant in column 0. Where every match contains some bytes, rows without these are passed over in one search through all
// rows.
func searchTest(op Op, text []byte, want bool) test {
	match, part, enough := matcher(op, text)
	return func(cols []columnar.Column, n int, sel, out []int32) []int32 {
		t := textsOf(cols[0])
		if sel != nil || !want || len(part) == 0 {
			return t.Filter(sel, out, func(s []byte) bool { return match(s) == want })
		}
		rows := kernel.Containing(t, part, out)
		if enough {
			return rows
		}
		return t.Filter(rows, out, match)
	}
}

// matcher returns the search for a constant; bytes that every match contains, if any; and whether containing them is all it takes.
func matcher(op Op, text []byte) (match func([]byte) bool, part []byte, enough bool) {
	switch op {
	case OpStartsWith:
		return func(s []byte) bool { return bytes.HasPrefix(s, text) }, nil, false
	case OpEndsWith:
		return func(s []byte) bool { return bytes.HasSuffix(s, text) }, nil, false
	case OpContains:
		return func(s []byte) bool { return bytes.Contains(s, text) }, text, true
	default:
		p := kernel.Like(string(text))
		if prefix, _, _ := p.Prefix(); len(prefix) == 0 {
			part, enough = p.Part()
		}
		return p.Match, part, enough
	}
}
