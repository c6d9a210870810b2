package kernel

import (
	"bytes"
	"unicode/utf8"
)

// Pattern is a compiled LIKE pattern: % is any run of characters, _ is one character, \ takes the next one literally. Strings that are not
// UTF-8 count each stray byte as a character. A Pattern is immutable.
type Pattern struct {
	parts    [][]element // between the %s
	literals [][]byte    // the same as bytes when no part has a _
}

// element is one byte of a part, or any one character.
type element struct {
	b   byte
	any bool
}

// Like compiles a pattern.
func Like(pattern string) *Pattern {
	p := &Pattern{parts: [][]element{nil}}
	wild := false
	for i := 0; i < len(pattern); i++ {
		last := &p.parts[len(p.parts)-1]
		switch c := pattern[i]; {
		case c == '%':
			p.parts = append(p.parts, nil)
		case c == '_':
			*last = append(*last, element{any: true})
			wild = true
		case c == '\\' && i+1 < len(pattern):
			i++
			*last = append(*last, element{b: pattern[i]})
		default:
			*last = append(*last, element{b: c})
		}
	}
	if !wild {
		for _, part := range p.parts {
			literal := make([]byte, len(part))
			for i, e := range part {
				literal[i] = e.b
			}
			p.literals = append(p.literals, literal)
		}
	}
	return p
}

// Prefix returns the bytes that every match begins with, and whether the pattern is these bytes followed by nothing or, with open, by %.
func (p *Pattern) Prefix() (prefix []byte, open, whole bool) {
	for _, e := range p.parts[0] {
		if e.any {
			return prefix, true, false
		}
		prefix = append(prefix, e.b)
	}
	open = len(p.parts) > 1
	return prefix, open, !open || len(p.parts) == 2 && len(p.parts[1]) == 0
}

// Part returns the longest bytes that every match contains, empty when that is nothing, and whether containing them is all that the pattern asks.
func (p *Pattern) Part() (part []byte, whole bool) {
	for _, l := range p.literals {
		if len(l) > len(part) {
			part = l
		}
	}
	return part, len(p.literals) == 3 && len(p.literals[1]) == len(part) && len(p.literals[0])+len(p.literals[2]) == 0
}

// Match says whether the whole of s matches.
func (p *Pattern) Match(s []byte) bool {
	if p.literals != nil {
		return p.matchLiterals(s)
	}
	first, last := p.parts[0], p.parts[len(p.parts)-1]
	n, ok := match(first, s)
	if len(p.parts) == 1 {
		return ok && n == len(s)
	}
	if !ok {
		return false
	}
	s = s[n:]
	for _, part := range p.parts[1 : len(p.parts)-1] {
		if s, ok = find(part, s); !ok {
			return false
		}
	}
	return endsWith(last, s)
}

// matchLiterals takes the first part from the front, the last from the back, and those between at their first occurrence: with nothing
// but % between them no later one can do better.
func (p *Pattern) matchLiterals(s []byte) bool {
	first, last := p.literals[0], p.literals[len(p.literals)-1]
	if len(p.literals) == 1 {
		return bytes.Equal(s, first)
	}
	if len(s) < len(first)+len(last) || !bytes.HasPrefix(s, first) || !bytes.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range p.literals[1 : len(p.literals)-1] {
		i := bytes.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// match says whether s begins with the part and how many bytes that takes.
func match(part []element, s []byte) (n int, ok bool) {
	for _, e := range part {
		if n == len(s) {
			return n, false
		}
		if !e.any {
			if s[n] != e.b {
				return n, false
			}
			n++
			continue
		}
		_, size := utf8.DecodeRune(s[n:])
		n += size
	}
	return n, true
}

// find returns what follows the first occurrence of the part that begins at a character.
func find(part []element, s []byte) (rest []byte, ok bool) {
	for {
		if n, ok := match(part, s); ok {
			return s[n:], true
		}
		if len(s) == 0 {
			return nil, false
		}
		_, size := utf8.DecodeRune(s)
		s = s[size:]
	}
}

// endsWith says whether s ends in the part, which begins at a character.
func endsWith(part []element, s []byte) bool {
	for {
		if n, ok := match(part, s); ok && n == len(s) {
			return true
		}
		if len(s) == 0 {
			return false
		}
		_, size := utf8.DecodeRune(s)
		s = s[size:]
	}
}
