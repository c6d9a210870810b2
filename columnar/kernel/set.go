package kernel

import "slices"

// Set is a set of values to look rows up in. It is immutable.
type Set[T comparable] struct {
	few  []T // up to fewValues: compared one by one
	many map[T]struct{}
}

// fewValues is how many comparisons cost as much as one look-up in a map, about.
const fewValues = 6

// NewSet returns the set of those values. NaN among them is never found.
func NewSet[T comparable](values []T) *Set[T] {
	if len(values) <= fewValues {
		return &Set[T]{few: slices.Clone(values)}
	}
	s := &Set[T]{many: make(map[T]struct{}, len(values))}
	for _, v := range values {
		s.many[v] = struct{}{}
	}
	return s
}

// Has says whether v is in the set.
func (s *Set[T]) Has(v T) bool {
	if s.many == nil {
		return slices.Contains(s.few, v)
	}
	_, ok := s.many[v]
	return ok
}

// InSet writes to out the rows of sel whose value is in the set, or is not when want is false.
func InSet[T comparable](s *Set[T], want bool, v []T, sel, out []int32) []int32 {
	n := 0
	if sel == nil {
		out = out[:len(v)]
		for i, x := range v {
			out[n] = int32(i)
			n += b2i(s.Has(x) == want)
		}
		return out[:n]
	}
	out = out[:len(sel)]
	for _, i := range sel {
		out[n] = i
		n += b2i(s.Has(v[i]) == want)
	}
	return out[:n]
}

// TextSet is a set of strings or binaries. It is immutable.
type TextSet struct {
	few  []string
	many map[string]struct{}
}

// NewTextSet returns the set of those values.
func NewTextSet(values []string) *TextSet {
	if len(values) <= fewValues {
		return &TextSet{few: slices.Clone(values)}
	}
	s := &TextSet{many: make(map[string]struct{}, len(values))}
	for _, v := range values {
		s.many[v] = struct{}{}
	}
	return s
}

// Has says whether v is in the set.
func (s *TextSet) Has(v []byte) bool {
	if s.many == nil {
		return slices.ContainsFunc(s.few, func(x string) bool { return x == string(v) })
	}
	_, ok := s.many[string(v)]
	return ok
}

// InTextSet writes to out the rows of sel whose bytes are in the set, or are not when want is false.
func InTextSet(s *TextSet, want bool, t Texts, sel, out []int32) []int32 {
	return t.Filter(sel, out, func(b []byte) bool { return s.Has(b) == want })
}
