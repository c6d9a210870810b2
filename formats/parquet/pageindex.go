package parquet

import (
	"errors"

	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/formats/internal/window"
)

// rows is a run of rows of a row group.
type rows struct{ from, to int64 }

// pageStats is what a column's page indexes tell: where each page begins, and what is in it.
type pageStats struct {
	leaf  *leafType
	first []int64 // row
	stats []expr.Stats
}

// maxIndex bounds the page indexes of a column chunk that are read.
const maxIndex = 16 << 20

// keptRows returns the rows of a row group for which the filter may be true, as far as page indexes tell: runs in order that do not touch. All rows
// are one run when there are no indexes.
func (f *opened) keptRows(g *rowGroup, filter expr.Expr) ([]rows, error) {
	all := []rows{{0, g.rows}}
	if filter.Op == expr.OpInvalid {
		return all, nil
	}
	columns := map[string]*pageStats{}
	for _, name := range filter.Columns() {
		s := f.find(name)
		if s == nil || s.leaf == nil {
			continue
		}
		p, err := f.pageStats(g, s.leaf)
		if err != nil {
			return nil, err
		}
		if p != nil {
			columns[name] = p
		}
	}
	if len(columns) == 0 {
		return all, nil
	}
	return keep(columns, g.rows, filter), nil
}

// keep goes through the rows from one page's begin, of any column, to the next.
func keep(columns map[string]*pageStats, total int64, filter expr.Expr) []rows {
	var kept []rows
	at := map[string]int{}
	for from := int64(0); from < total; {
		to := total
		for name, p := range columns {
			if k := at[name] + 1; k < len(p.first) {
				to = min(to, p.first[k])
			}
		}
		may := expr.MayMatch(filter, func(name string) (expr.Stats, bool) {
			p, ok := columns[name]
			if !ok {
				return expr.Stats{}, false
			}
			return p.stats[at[name]], true
		})
		switch last := len(kept) - 1; {
		case !may:
		case last >= 0 && kept[last].to == from:
			kept[last].to = to
		default:
			kept = append(kept, rows{from, to})
		}
		for name, p := range columns {
			if k := at[name] + 1; k < len(p.first) && p.first[k] == to {
				at[name] = k
			}
		}
		from = to
	}
	return kept
}

// pageStats reads a column chunk's page indexes; nil when it has none.
func (f *opened) pageStats(g *rowGroup, l *leafType) (*pageStats, error) {
	c := &g.columns[l.column]
	if c.columnIndexAt <= 0 || c.offsetIndexAt <= 0 || !l.flat() {
		return nil, nil
	}
	data, err := f.index(c.offsetIndexAt, c.offsetIndexN)
	if err != nil {
		return nil, err
	}
	p := &pageStats{leaf: l}
	if p.first, err = decodeOffsetIndex(data); err != nil {
		return nil, err
	}
	if data, err = f.index(c.columnIndexAt, c.columnIndexN); err != nil {
		return nil, err
	}
	if p.stats, err = decodeColumnIndex(data, l); err != nil {
		return nil, err
	}
	if len(p.stats) != len(p.first) || len(p.first) == 0 || p.first[0] != 0 {
		return nil, errors.New("the page indexes do not fit each other")
	}
	for i := 1; i < len(p.first); i++ {
		if p.first[i] <= p.first[i-1] {
			return nil, errors.New("the page index is not in order")
		}
	}
	return p, nil
}

// index returns the bytes of an index.
func (f *opened) index(at int64, n int32) ([]byte, error) {
	if n < 0 || n > maxIndex || at > f.in.Size()-int64(n) {
		return nil, errors.New("a page index is outside the file")
	}
	data := make([]byte, n)
	return data, window.ReadAt(f.in, data, at)
}

// decodeOffsetIndex returns the first row of each page.
func decodeOffsetIndex(data []byte) ([]int64, error) {
	w := &wire{data: data}
	var first []int64
	w.fields(func(id int16, kind byte) {
		if id != 1 || kind != wireList {
			w.skip(kind)
			return
		}
		w.list(func(byte) {
			row := int64(-1)
			w.fields(func(id int16, kind byte) {
				if id == 3 {
					row = w.int()
				} else {
					w.skip(kind)
				}
			})
			first = append(first, row)
		})
	})
	return first, w.err
}

// decodeColumnIndex returns what is known of each page.
func decodeColumnIndex(data []byte, l *leafType) ([]expr.Stats, error) {
	w := &wire{data: data}
	var isNull []bool
	var least, most [][]byte
	var nulls []int64
	w.fields(func(id int16, kind byte) {
		switch {
		case kind != wireList:
			w.skip(kind)
		case id == 1:
			w.list(func(byte) { isNull = append(isNull, w.itemBool()) })
		case id == 2:
			w.list(func(byte) { least = append(least, w.bytes()) })
		case id == 3:
			w.list(func(byte) { most = append(most, w.bytes()) })
		case id == 5:
			w.list(func(byte) { nulls = append(nulls, w.int()) })
		default:
			w.skip(kind)
		}
	})
	if w.err != nil {
		return nil, w.err
	}
	if len(least) != len(isNull) || len(most) != len(isNull) || nulls != nil && len(nulls) != len(isNull) {
		return nil, errors.New("the page index has lists of different lengths")
	}
	stats := make([]expr.Stats, len(isNull))
	for i := range stats {
		stats[i] = expr.Stats{AllNull: isNull[i], NoNulls: l.maxDef == 0 || nulls != nil && nulls[i] == 0}
		if !isNull[i] {
			stats[i].Min, stats[i].Max = bound(l, least[i]), bound(l, most[i])
		}
	}
	return stats, nil
}
