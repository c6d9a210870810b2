package columnar

// BatchBuilder grows a batch by rows of others with the same schema, their times and kinds included.
type BatchBuilder struct {
	Schema  *Schema
	columns []*Builder
	n       int
	time    []int64
	kind    []RowKind
}

// NewBatchBuilder returns an empty builder with room for about rows rows.
func NewBatchBuilder(s *Schema, rows int) *BatchBuilder {
	bb := &BatchBuilder{Schema: s, columns: make([]*Builder, len(s.Fields))}
	for i, f := range s.Fields {
		bb.columns[i] = NewBuilder(f.Type, rows)
	}
	return bb
}

// Len returns the number of rows so far.
func (bb *BatchBuilder) Len() int { return bb.n }

// Size returns the bytes of the rows so far.
func (bb *BatchBuilder) Size() int {
	size := 8*len(bb.time) + len(bb.kind)
	for _, c := range bb.columns {
		size += c.Size()
	}
	return size
}

// Column returns the builder of column i, for callers that add rows value by value; they call Added afterwards.
func (bb *BatchBuilder) Column(i int) *Builder { return bb.columns[i] }

// Added counts n rows that were appended to every column builder directly, without time and kind.
func (bb *BatchBuilder) Added(n int) {
	for range n {
		if bb.time != nil {
			bb.time = append(bb.time, NoTime)
		}
		if bb.kind != nil {
			bb.kind = append(bb.kind, Insert)
		}
	}
	bb.n += n
}

// Append adds rows of b: those at the positions sel of its columns, or all b.Len when sel is nil. b.Sel is not looked at.
func (bb *BatchBuilder) Append(b Batch, sel []int32) {
	for i, c := range bb.columns {
		c.Append(b.Columns[i], sel)
	}
	n := len(sel)
	if sel == nil {
		n = b.Len
	}
	bb.time = appendSide(bb.time, bb.n, n, b.Time, sel, NoTime)
	bb.kind = appendSide(bb.kind, bb.n, n, b.Kind, sel, Insert)
	bb.n += n
}

// appendSide adds n entries of a time or kind column that either side may lack; have entries exist so far.
func appendSide[T any](dst []T, have, n int, src []T, sel []int32, none T) []T {
	if dst == nil && src == nil {
		return nil
	}
	for len(dst) < have {
		dst = append(dst, none)
	}
	for i := range n {
		switch {
		case src == nil || sel != nil && sel[i] < 0:
			dst = append(dst, none)
		case sel == nil:
			dst = append(dst, src[i])
		default:
			dst = append(dst, src[sel[i]])
		}
	}
	return dst
}

// Finish returns the batch built and empties the builder.
func (bb *BatchBuilder) Finish() Batch {
	b := Batch{Schema: bb.Schema, Columns: make([]Column, len(bb.columns)), Len: bb.n, Time: bb.time, Kind: bb.kind}
	for i, c := range bb.columns {
		b.Columns[i] = c.Finish()
	}
	bb.n, bb.time, bb.kind = 0, nil, nil
	return b
}
