package kernel

import "bytes"

// Texts are strings or binaries: row i is Bytes[Offsets[i]:Offsets[i+1]].
type Texts struct {
	Bytes   []byte
	Offsets []int32
}

// Len returns the number of rows.
func (t Texts) Len() int { return len(t.Offsets) - 1 }

// At returns row i, a view.
func (t Texts) At(i int) []byte { return t.Bytes[t.Offsets[i]:t.Offsets[i+1]] }

// Filter writes to out the rows of sel for which pass is true.
func (t Texts) Filter(sel, out []int32, pass func([]byte) bool) []int32 {
	n := 0
	if sel == nil {
		out = out[:t.Len()]
		for i := range out {
			out[n] = int32(i)
			n += b2i(pass(t.At(i)))
		}
		return out[:n]
	}
	out = out[:len(sel)]
	for _, i := range sel {
		out[n] = i
		n += b2i(pass(t.At(int(i))))
	}
	return out[:n]
}

// CompareText writes to out the rows of sel whose bytes compare so with c.
func CompareText(op Comparison, t Texts, c []byte, sel, out []int32) []int32 {
	if op == Eq || op == Ne {
		return equalText(op == Eq, t, c, sel, out)
	}
	return t.Filter(sel, out, func(b []byte) bool { return op.Holds(bytes.Compare(b, c)) })
}

// equalText looks at lengths first, which mostly differ, and then at bytes.
func equalText(want bool, t Texts, c []byte, sel, out []int32) []int32 {
	n := 0
	if sel != nil {
		return t.Filter(sel, out, func(b []byte) bool { return (len(b) == len(c) && string(b) == string(c)) == want })
	}
	out = out[:t.Len()]
	from := t.Offsets[0]
	for i, to := range t.Offsets[1:] {
		same := int(to-from) == len(c) && string(t.Bytes[from:to]) == string(c)
		out[n] = int32(i)
		n += b2i(same == want)
		from = to
	}
	return out[:n]
}

// CompareTexts writes to out the rows of sel where a compares so with b, bytewise.
func CompareTexts(op Comparison, a, b Texts, sel, out []int32) []int32 {
	n := 0
	if sel == nil {
		out = out[:a.Len()]
		for i := range out {
			out[n] = int32(i)
			n += b2i(op.Holds(bytes.Compare(a.At(i), b.At(i))))
		}
		return out[:n]
	}
	out = out[:len(sel)]
	for _, i := range sel {
		out[n] = i
		n += b2i(op.Holds(bytes.Compare(a.At(int(i)), b.At(int(i)))))
	}
	return out[:n]
}

// Containing writes to out the rows of the n that contain part, which must not be empty. It searches the bytes of all rows at once and then asks
// which row a place lies in: on short strings several times faster than row by row.
func Containing(t Texts, part []byte, out []int32) []int32 {
	at, end := int(t.Offsets[0]), int(t.Offsets[t.Len()])
	k := 0
	for row := 0; ; {
		i := bytes.Index(t.Bytes[at:end], part)
		if i < 0 {
			return out[:k]
		}
		at += i
		for int(t.Offsets[row+1]) <= at {
			row++
		}
		if next := int(t.Offsets[row+1]); at+len(part) <= next {
			out[k] = int32(row)
			k++
			at = next
		} else {
			at++
		}
	}
}
