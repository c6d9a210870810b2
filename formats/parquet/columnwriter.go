package parquet

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/millrace/millrace/columnar"
)

// pageRows ends a page that has as many rows, however small they are: page indexes tell of parts of that size.
const pageRows = 20_000

// columnWriter gathers a leaf's values, and makes pages of them.
type columnWriter struct {
	*leafType
	typ columnar.Type

	// Of the page to come.
	values *columnar.Builder // those that are not null
	defs   []uint32
	reps   []uint32
	rows   int
	from   *columnar.Column // of the batch being added
	sel    []int32

	// Of the row group.
	chunk      []byte // pages, compressed
	plainBytes int64  // of the pages before compression, headers included
	entries    int64
	nulls      int64
	groupRows  int64
	dict       *dictionary // nil: values are written as they are
	indexed    bool        // a page has dictionary indexes
	bounds     bounds
	pages      []pageInfo

	buf []byte
}

// pageInfo is what indexes say of a page.
type pageInfo struct {
	at       int64 // from the start of chunk, later of the file
	size     int32
	firstRow int64
	entries  int64
	nulls    int64
	bounds   bounds
}

func newColumnWriter(l *leafType, t columnar.Type) *columnWriter {
	c := &columnWriter{leafType: l, typ: t, values: columnar.NewBuilder(t, 0)}
	c.reset()
	return c
}

// reset begins a row group.
func (c *columnWriter) reset() {
	c.chunk, c.plainBytes, c.entries, c.nulls, c.groupRows, c.pages = c.chunk[:0], 0, 0, 0, 0, nil
	c.indexed, c.bounds, c.dict = false, bounds{}, nil
	if c.elem.phys != physBool {
		c.dict = newDictionary(c.elem)
	}
}

// pending is about the size of the page to come.
func (c *columnWriter) pending() int { return c.values.Size() + (len(c.defs)+len(c.reps))/8 }

// flush makes a page of what is pending.
func (c *columnWriter) flush(p *packer) error {
	if c.rows == 0 {
		return nil
	}
	values := c.values.Finish()
	entries := max(len(c.defs), values.Len)
	buf := c.buf[:0]
	if c.maxRep > 0 {
		buf = appendLevels(buf, c.reps, c.maxRep)
	}
	if c.maxDef > 0 {
		buf = appendLevels(buf, c.defs, c.maxDef)
	}
	buf, enc := c.appendValues(buf, &values)
	page := pageInfo{at: int64(len(c.chunk)), firstRow: c.groupRows, entries: int64(entries), nulls: int64(entries - values.Len)}
	page.bounds.add(&values)
	c.bounds.merge(&page.bounds)
	if err := c.appendPage(p, pageHeader{kind: pageData, values: int32(entries), encoding: enc}, buf); err != nil {
		return err
	}
	page.size = int32(int64(len(c.chunk)) - page.at)
	c.pages = append(c.pages, page)
	c.buf = buf
	c.entries, c.nulls, c.groupRows = c.entries+page.entries, c.nulls+page.nulls, c.groupRows+int64(c.rows)
	c.defs, c.reps, c.rows = c.defs[:0], c.reps[:0], 0
	return nil
}

// appendLevels appends levels with their length before them.
func appendLevels(buf []byte, levels []uint32, most int) []byte {
	at := len(buf)
	buf = appendHybrid(append(buf, 0, 0, 0, 0), levels, levelWidth(most))
	binary.LittleEndian.PutUint32(buf[at:], uint32(len(buf)-at-4))
	return buf
}

// appendValues appends the values, as indexes as long as the dictionary is worth it.
func (c *columnWriter) appendValues(buf []byte, values *columnar.Column) ([]byte, encoding) {
	if c.dict != nil {
		if index, ok := c.dict.add(c.elem, values); ok {
			width := c.dict.indexWidth()
			c.indexed = true
			return appendHybrid(append(buf, byte(width)), index, width), encDictionary
		}
		if !c.indexed {
			c.dict = nil
		} else {
			c.dict.full = true
		}
	}
	return appendPlain(buf, c.elem, values), encPlain
}

// appendPage compresses a page and adds it to the chunk.
func (c *columnWriter) appendPage(p *packer, h pageHeader, data []byte) error {
	packed, err := p.pack(data)
	if err != nil {
		return err
	}
	h.uncompressed, h.compressed = int32(len(data)), int32(len(packed))
	h.crc, h.hasCRC = int32(crc32.ChecksumIEEE(packed)), true
	head := encodePageHeader(h)
	c.chunk = append(append(c.chunk, head...), packed...)
	c.plainBytes += int64(len(head) + len(data))
	return nil
}

// finish writes the column's chunk of the row group: the dictionary and the pages.
func (c *columnWriter) finish(w *writer) (columnMeta, error) {
	if err := c.flush(&w.packer); err != nil {
		return columnMeta{}, err
	}
	start := w.at
	m := columnMeta{hasMeta: true, phys: c.elem.phys, path: c.path, codec: w.codec, values: c.entries, encodings: []encoding{encPlain, encRLE}}
	m.stats = statistics{nulls: c.nulls}
	m.stats.min, m.stats.max = c.bounds.encode(c.elem)
	data := c.chunk
	if c.indexed {
		c.chunk = nil
		if err := c.appendPage(&w.packer, pageHeader{kind: pageDictionary, values: int32(c.dict.n), encoding: encPlain}, c.dict.data); err != nil {
			return m, err
		}
		m.dictionary, m.encodings = start, append(m.encodings, encDictionary)
		if err := w.write(c.chunk); err != nil {
			return m, err
		}
	}
	m.dataPage = w.at
	for i := range c.pages {
		c.pages[i].at += w.at
	}
	if err := w.write(data); err != nil {
		return m, err
	}
	m.compressed, m.uncompressed = w.at-start, c.plainBytes
	m.pages = c.pages
	c.chunk = data
	c.reset()
	return m, nil
}
