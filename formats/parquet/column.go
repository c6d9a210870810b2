package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
)

// column reads a leaf of one row group.
type column struct {
	*leafType
	sink  sink
	pages pages
	left  int // entries left in the page
	valid validity

	// Of a leaf that is not flat a page's levels are decoded at once: one byte an entry.
	defs   hybrid // flat: not decoded yet
	levels levels // of the page, from the next entry on
}

// levels are definition and repetition levels of the same entries; without repetition, rep is nil.
type levels struct{ def, rep []uint8 }

// cells are what was read of a leaf: a column with a cell for each entry that its innermost list has an item for, and the levels of all entries.
type cells struct {
	column columnar.Column
	levels levels
}

// open begins a row group's column chunk.
func (c *column) open(f *opened, meta *columnMeta) error {
	if meta.phys != c.elem.phys {
		return fmt.Errorf("it is stored as %s where the schema says %s", meta.phys, c.elem.phys)
	}
	p := &c.pages
	p.in, p.codec, p.pos, p.end = f.in, meta.codec, meta.start(), meta.start()+meta.compressed
	p.buf = p.buf[:0]
	c.left, c.levels = 0, levels{}
	return nil
}

// next goes to the next page with data; io.EOF at the end. It passes over pages of at most skip rows without reading them, and returns how many
// it passed over. Only pages of flat columns have a row an entry.
func (c *column) next(skip int) (skipped int, err error) {
	for c.left == 0 {
		h, err := c.pages.header()
		if err != nil {
			return skipped, err
		}
		switch {
		case h.kind == pageDictionary:
			err = c.dictionary(h)
		case h.kind != pageData && h.kind != pageDataV2:
			c.pages.skip(h)
		case int(h.values) <= skip-skipped && c.flat():
			c.pages.skip(h)
			if skipped += int(h.values); skipped == skip {
				return skipped, nil
			}
		default:
			err = c.page(h)
		}
		if err != nil {
			return skipped, err
		}
	}
	return skipped, nil
}

func (c *column) dictionary(h pageHeader) error {
	_, data, err := c.pages.data(h)
	if err != nil {
		return err
	}
	if h.encoding != encPlain && h.encoding != encPlainDictionary {
		return fmt.Errorf("a dictionary in the encoding %s", h.encoding)
	}
	if err := c.sink.dictionary(data, int(h.values)); err != nil {
		return fmt.Errorf("a dictionary of %d values: %w", h.values, err)
	}
	return nil
}

// page begins a page with data.
func (c *column) page(h pageHeader) error {
	lv, data, err := c.pages.data(h)
	if err != nil {
		return err
	}
	var reps, defs []byte
	if h.kind == pageDataV2 {
		reps, defs = lv[:h.repBytes], lv[h.repBytes:]
	} else {
		if c.maxRep > 0 {
			if reps, data, err = cutLevels(data, h.levels[1]); err != nil {
				return err
			}
		}
		if c.maxDef > 0 {
			if defs, data, err = cutLevels(data, h.levels[0]); err != nil {
				return err
			}
		}
	}
	c.left = int(h.values)
	c.defs.reset(defs, levelWidth(c.maxDef))
	if !c.flat() {
		if err := c.decodeLevels(reps, defs); err != nil {
			return err
		}
	}
	return c.sink.page(h.encoding, data, c.left)
}

// maxEntries bounds the entries of a page whose levels are decoded at once.
const maxEntries = 1 << 26

func (c *column) decodeLevels(reps, defs []byte) error {
	if c.left > maxEntries {
		return fmt.Errorf("a page of %d entries, more than the %d that are read", c.left, maxEntries)
	}
	var err error
	if c.levels.def, err = levelBytes(defs, c.maxDef, c.left); err != nil {
		return err
	}
	c.levels.rep = nil
	if c.maxRep > 0 {
		c.levels.rep, err = levelBytes(reps, c.maxRep, c.left)
	}
	return err
}

// levelBytes decodes n levels up to most.
func levelBytes(data []byte, most, n int) ([]uint8, error) {
	var h hybrid
	h.reset(data, levelWidth(most))
	var out []uint8
	var block [1024]uint32
	for len(out) < n {
		b := block[:min(len(block), n-len(out))]
		if err := h.read(b); err != nil {
			return nil, fmt.Errorf("reading levels: %w", err)
		}
		for _, v := range b {
			if int(v) > most {
				return nil, fmt.Errorf("a level of %d where %d is the most", v, most)
			}
			out = append(out, uint8(v))
		}
	}
	return out, nil
}

// read returns the cells of the next n rows.
func (c *column) read(n int) (cells, error) {
	if !c.flat() {
		return c.readNested(n)
	}
	c.sink.begin(n)
	c.valid.reset(n)
	for n > 0 {
		if _, err := c.next(0); err != nil {
			return cells{}, early(err)
		}
		k := min(n, c.left)
		if err := c.readFlat(k); err != nil {
			return cells{}, err
		}
		c.left -= k
		n -= k
	}
	return cells{column: c.sink.finish(c.valid.bitmap())}, nil
}

// early makes of a proper end one that comes too soon.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("its pages have fewer rows than the row group: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// readFlat reads k entries of the page.
func (c *column) readFlat(k int) error {
	if c.maxDef == 0 {
		c.valid.ones(k)
		return c.sink.read(k)
	}
	from := c.valid.n
	count, err := c.valid.read(&c.defs, k)
	if err != nil {
		return err
	}
	if err := c.sink.read(count); err != nil || count == k {
		return err
	}
	c.sink.spread(k, count, c.valid.bitmap(), from)
	return nil
}

// skip passes over n rows.
func (c *column) skip(n int) error {
	if !c.flat() {
		for ; n > 0; n -= columnar.DefaultRows {
			if _, err := c.readNested(min(n, columnar.DefaultRows)); err != nil {
				return err
			}
		}
		return nil
	}
	for n > 0 {
		skipped, err := c.next(n)
		if err != nil {
			return early(err)
		}
		if n -= skipped; n == 0 {
			return nil
		}
		k := min(n, c.left)
		count := k
		if c.maxDef > 0 {
			c.valid.reset(k)
			if count, err = c.valid.read(&c.defs, k); err != nil {
				return err
			}
		}
		if err := c.sink.skip(count); err != nil {
			return err
		}
		c.left -= k
		n -= k
	}
	return nil
}

// readNested reads the entries of n rows: up to where the row behind them begins.
func (c *column) readNested(n int) (cells, error) {
	var out cells
	c.sink.begin(n)
	c.valid.reset(0)
	c.valid.bits = []byte{}
	for begun := 0; ; {
		if _, err := c.next(0); errors.Is(err, io.EOF) && begun == n {
			break
		} else if err != nil {
			return cells{}, early(err)
		}
		k := c.rows(n, &begun)
		if k == 0 {
			break
		}
		if err := c.take(k, &out.levels); err != nil {
			return cells{}, err
		}
		if begun == n && (c.maxRep == 0 || c.left > 0) {
			break
		}
	}
	out.column = c.sink.finish(c.valid.bitmap())
	return out, nil
}

// rows returns how many entries of the page belong to rows that have begun or of which fewer than n have.
func (c *column) rows(n int, begun *int) int {
	if c.maxRep == 0 {
		k := min(c.left, n-*begun)
		*begun += k
		return k
	}
	for i, r := range c.levels.rep {
		if r == 0 {
			if *begun == n {
				return i
			}
			*begun++
		}
	}
	return c.left
}

// take reads k entries of the page.
func (c *column) take(k int, to *levels) error {
	defs := c.levels.def[:k]
	to.def = append(to.def, defs...)
	c.levels.def = c.levels.def[k:]
	if c.maxRep > 0 {
		to.rep = append(to.rep, c.levels.rep[:k]...)
		c.levels.rep = c.levels.rep[k:]
	}
	c.left -= k
	from := c.valid.n
	c.valid.bits = growBits(c.valid.bits, from+k)
	m, count := 0, 0
	for _, d := range defs {
		if int(d) < c.anc {
			continue
		}
		if int(d) == c.maxDef {
			c.valid.ones(1)
			count++
		} else {
			c.valid.zeros(1)
		}
		m++
	}
	if err := c.sink.read(count); err != nil {
		return err
	}
	if count < m {
		c.sink.spread(m, count, c.valid.bitmap(), from)
	}
	return nil
}
