package parquet

// createdBy is what files say wrote them.
const createdBy = "millrace"

// encodeFooter writes the FileMetaData.
func encodeFooter(f *footer, leaves int) []byte {
	w := &wireOut{}
	w.begin()
	w.i32(1, 2)
	w.list(2, wireStruct, len(f.schema))
	for i := range f.schema {
		w.element(&f.schema[i], i == 0)
	}
	w.i64(3, f.rows)
	w.list(4, wireStruct, len(f.groups))
	for i := range f.groups {
		w.rowGroup(&f.groups[i], i)
	}
	w.string(6, createdBy)
	w.list(7, wireStruct, leaves) // Each column is ordered as its type says.
	for range leaves {
		w.begin()
		w.structure(1)
		w.end()
		w.end()
	}
	w.end()
	return w.buf
}

func (w *wireOut) element(e *element, root bool) {
	w.begin()
	if !e.group {
		w.i32(1, int32(e.phys))
		if e.phys == physFixed {
			w.i32(2, e.length)
		}
	}
	if !root {
		w.i32(3, int32(e.rep))
	}
	w.string(4, e.name)
	if e.group {
		w.i32(5, e.children)
	}
	if e.converted >= 0 {
		w.i32(6, e.converted)
	}
	if e.converted == convDecimal {
		w.i32(7, e.scale)
		w.i32(8, e.precision)
	}
	if e.logical.kind != 0 {
		w.logical(e.logical)
	}
	w.end()
}

func (w *wireOut) logical(l logical) {
	w.structure(10)
	w.structure(l.kind)
	switch l.kind {
	case logicalDecimal:
		w.i32(1, l.scale)
		w.i32(2, l.precision)
	case logicalTimestamp:
		w.bool(1, l.utc)
		w.structure(2)
		w.structure(l.unit)
		w.end()
		w.end()
	case logicalInteger:
		w.i8(1, int8(l.bits))
		w.bool(2, l.signed)
	}
	w.end()
	w.end()
}

func (w *wireOut) rowGroup(g *rowGroup, ordinal int) {
	w.begin()
	w.list(1, wireStruct, len(g.columns))
	for i := range g.columns {
		w.columnChunk(&g.columns[i])
	}
	w.i64(2, g.bytes)
	w.i64(3, g.rows)
	w.i64(5, g.start())
	w.i64(6, g.compressed())
	if ordinal <= 1<<15-1 {
		w.field(7, wireI16)
		w.buf = append(w.buf, varint(int64(ordinal))...)
	}
	w.end()
}

func (w *wireOut) columnChunk(c *columnMeta) {
	w.begin()
	w.i64(2, 0)
	w.structure(3)
	w.i32(1, int32(c.phys))
	w.list(2, wireI32, len(c.encodings))
	for _, e := range c.encodings {
		w.buf = append(w.buf, varint(int64(e))...)
	}
	w.list(3, wireBinary, len(c.path))
	for _, p := range c.path {
		w.item([]byte(p))
	}
	w.i32(4, c.codec)
	w.i64(5, c.values)
	w.i64(6, c.uncompressed)
	w.i64(7, c.compressed)
	w.i64(9, c.dataPage)
	if c.dictionary > 0 {
		w.i64(11, c.dictionary)
	}
	w.statistics(12, &c.stats)
	w.end()
	if c.offsetIndexAt > 0 {
		w.i64(4, c.offsetIndexAt)
		w.i32(5, c.offsetIndexN)
	}
	if c.columnIndexAt > 0 {
		w.i64(6, c.columnIndexAt)
		w.i32(7, c.columnIndexN)
	}
	w.end()
}

func (w *wireOut) statistics(id int16, s *statistics) {
	w.structure(id)
	w.i64(3, s.nulls)
	if s.max != nil {
		w.bytes(5, s.max)
	}
	if s.min != nil {
		w.bytes(6, s.min)
	}
	w.end()
}

// encodePageHeader writes the header of a version 1 data page or of a dictionary page.
func encodePageHeader(h pageHeader) []byte {
	w := &wireOut{}
	w.begin()
	w.i32(1, h.kind)
	w.i32(2, h.uncompressed)
	w.i32(3, h.compressed)
	if h.hasCRC {
		w.i32(4, h.crc)
	}
	if h.kind == pageDictionary {
		w.structure(7)
		w.i32(1, h.values)
		w.i32(2, int32(h.encoding))
	} else {
		w.structure(5)
		w.i32(1, h.values)
		w.i32(2, int32(h.encoding))
		w.i32(3, int32(encRLE))
		w.i32(4, int32(encRLE))
	}
	w.end()
	w.end()
	return w.buf
}
