package parquet

import (
	"errors"
	"fmt"
)

// The structs of parquet.thrift (apache/parquet-format 2.10) as far as they are used, by the numbers of their fields.

// physical is the type in which values are stored.
type physical int32

const (
	physBool physical = iota
	physInt32
	physInt64
	physInt96
	physFloat
	physDouble
	physBytes
	physFixed
)

var physicalNames = [...]string{"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}

func (p physical) String() string {
	if uint(p) < uint(len(physicalNames)) {
		return physicalNames[p]
	}
	return fmt.Sprintf("type %d", int32(p))
}

// repetition says how often a field occurs in its parent.
type repetition int32

const (
	required repetition = iota
	optional
	repeated
)

// The converted types, the older way to say what values mean; -1 stands for none.
const (
	convUTF8            = 0
	convMap             = 1
	convMapKeyValue     = 2
	convList            = 3
	convEnum            = 4
	convDecimal         = 5
	convDate            = 6
	convTimeMillis      = 7
	convTimeMicros      = 8
	convTimestampMillis = 9
	convTimestampMicros = 10
	convUint8           = 11
	convUint64          = 14
	convInt8            = 15
	convInt64           = 18
	convJSON            = 19
	convBSON            = 20
)

// The logical types: the numbers of the union's fields; 0 stands for none.
const (
	logicalString    = 1
	logicalMap       = 2
	logicalList      = 3
	logicalEnum      = 4
	logicalDecimal   = 5
	logicalDate      = 6
	logicalTime      = 7
	logicalTimestamp = 8
	logicalInteger   = 10
	logicalNull      = 11
	logicalJSON      = 12
	logicalBSON      = 13
	logicalUUID      = 14
	logicalFloat16   = 15
)

// The units of times: the numbers of the union's fields.
const (
	unitMillis = 1
	unitMicros = 2
	unitNanos  = 3
)

type logical struct {
	kind      int16
	scale     int32 // decimal
	precision int32
	utc       bool // time, timestamp
	unit      int16
	bits      byte // integer
	signed    bool
}

// element is a node of the schema; the tree is stored parents first.
type element struct {
	group     bool
	phys      physical
	length    int32
	rep       repetition
	name      string
	children  int32
	converted int32
	scale     int32
	precision int32
	logical   logical
}

// statistics are those of a column chunk.
type statistics struct {
	oldMin, oldMax []byte // deprecated: ordered as signed bytes whatever the type is
	min, max       []byte
	nulls          int64 // -1: not known
}

type columnMeta struct {
	phys          physical
	path          []string
	codec         int32
	values        int64
	uncompressed  int64
	compressed    int64
	dataPage      int64
	dictionary    int64 // 0: none
	stats         statistics
	offsetIndexAt int64 // 0: none
	offsetIndexN  int32
	columnIndexAt int64
	columnIndexN  int32
	file          string
	isEncrypted   bool
	hasMeta       bool
	encodings     []encoding // written, not read
	pages         []pageInfo // written, not read
}

// start is where the chunk's first page is.
func (c *columnMeta) start() int64 {
	if c.dictionary > 0 && c.dictionary < c.dataPage {
		return c.dictionary
	}
	return c.dataPage
}

type rowGroup struct {
	columns []columnMeta
	bytes   int64
	rows    int64
}

// start is where the group's first page is; a group belongs to the range of the file that this lies in.
func (g *rowGroup) start() int64 {
	first := int64(0)
	for i := range g.columns {
		if at := g.columns[i].start(); i == 0 || at < first {
			first = at
		}
	}
	return first
}

// compressed is the size of the group's pages in the file.
func (g *rowGroup) compressed() int64 {
	n := int64(0)
	for i := range g.columns {
		n += g.columns[i].compressed
	}
	return n
}

type footer struct {
	schema []element
	rows   int64
	groups []rowGroup
}

// decodeFooter reads the FileMetaData.
func decodeFooter(data []byte) (*footer, error) {
	w := &wire{data: data}
	var f footer
	w.fields(func(id int16, kind byte) {
		switch {
		case id == 2 && kind == wireList:
			w.list(func(byte) { f.schema = append(f.schema, w.element()) })
		case id == 3:
			f.rows = w.int()
		case id == 4 && kind == wireList:
			w.list(func(byte) { f.groups = append(f.groups, w.rowGroup()) })
		default:
			w.skip(kind)
		}
	})
	return &f, w.err
}

func (w *wire) element() element {
	e := element{group: true, converted: -1}
	w.fields(func(id int16, kind byte) {
		switch id {
		case 1:
			e.phys, e.group = physical(w.int32()), false
		case 2:
			e.length = w.int32()
		case 3:
			e.rep = repetition(w.int32())
		case 4:
			e.name = string(w.bytes())
		case 5:
			e.children = w.int32()
		case 6:
			e.converted = w.int32()
		case 7:
			e.scale = w.int32()
		case 8:
			e.precision = w.int32()
		case 10:
			e.logical = w.logical()
		default:
			w.skip(kind)
		}
	})
	return e
}

func (w *wire) logical() logical {
	var l logical
	w.fields(func(id int16, kind byte) {
		l.kind = id
		if kind != wireStruct {
			w.skip(kind)
			return
		}
		w.fields(func(param int16, kind byte) {
			switch {
			case id == logicalDecimal && param == 1:
				l.scale = w.int32()
			case id == logicalDecimal && param == 2:
				l.precision = w.int32()
			case (id == logicalTime || id == logicalTimestamp) && param == 1:
				l.utc = kind == wireTrue
			case (id == logicalTime || id == logicalTimestamp) && param == 2 && kind == wireStruct:
				w.fields(func(unit int16, kind byte) {
					l.unit = unit
					w.skip(kind)
				})
			case id == logicalInteger && param == 1:
				l.bits = w.byte()
			case id == logicalInteger && param == 2:
				l.signed = kind == wireTrue
			default:
				w.skip(kind)
			}
		})
	})
	return l
}

func (w *wire) rowGroup() rowGroup {
	var g rowGroup
	w.fields(func(id int16, kind byte) {
		switch {
		case id == 1 && kind == wireList:
			w.list(func(byte) { g.columns = append(g.columns, w.columnChunk()) })
		case id == 2:
			g.bytes = w.int()
		case id == 3:
			g.rows = w.int()
		default:
			w.skip(kind)
		}
	})
	return g
}

func (w *wire) columnChunk() columnMeta {
	c := columnMeta{stats: statistics{nulls: -1}}
	w.fields(func(id int16, kind byte) {
		switch {
		case id == 1:
			c.file = string(w.bytes())
		case id == 3 && kind == wireStruct:
			c.hasMeta = true
			w.columnMeta(&c)
		case id == 4:
			c.offsetIndexAt = w.int()
		case id == 5:
			c.offsetIndexN = w.int32()
		case id == 6:
			c.columnIndexAt = w.int()
		case id == 7:
			c.columnIndexN = w.int32()
		case id == 8:
			c.isEncrypted = true
			w.skip(kind)
		default:
			w.skip(kind)
		}
	})
	return c
}

func (w *wire) columnMeta(c *columnMeta) {
	w.fields(func(id int16, kind byte) {
		switch {
		case id == 1:
			c.phys = physical(w.int32())
		case id == 3 && kind == wireList:
			w.list(func(byte) { c.path = append(c.path, string(w.bytes())) })
		case id == 4:
			c.codec = w.int32()
		case id == 5:
			c.values = w.int()
		case id == 6:
			c.uncompressed = w.int()
		case id == 7:
			c.compressed = w.int()
		case id == 9:
			c.dataPage = w.int()
		case id == 11:
			c.dictionary = w.int()
		case id == 12 && kind == wireStruct:
			c.stats = w.statistics()
		default:
			w.skip(kind)
		}
	})
}

func (w *wire) statistics() statistics {
	s := statistics{nulls: -1}
	w.fields(func(id int16, kind byte) {
		switch id {
		case 1:
			s.oldMax = w.bytes()
		case 2:
			s.oldMin = w.bytes()
		case 3:
			s.nulls = w.int()
		case 5:
			s.max = w.bytes()
		case 6:
			s.min = w.bytes()
		default:
			w.skip(kind)
		}
	})
	return s
}

// The kinds of pages.
const (
	pageData       = 0
	pageIndex      = 1
	pageDictionary = 2
	pageDataV2     = 3
)

// pageHeader is the header of a page of any kind.
type pageHeader struct {
	kind         int32
	uncompressed int32
	compressed   int32
	crc          int32
	hasCRC       bool
	values       int32
	encoding     encoding
	levels       [2]encoding // of definition and repetition levels, version 1
	// Version 2 only.
	rows         int32
	defBytes     int32
	repBytes     int32
	isCompressed bool
}

// decodePageHeader reads a header and returns how long it is. errShort asks for more data.
func decodePageHeader(data []byte) (h pageHeader, n int, err error) {
	w := &wire{data: data}
	h.isCompressed = true
	body := false
	w.fields(func(id int16, kind byte) {
		switch {
		case id == 1:
			h.kind = w.int32()
		case id == 2:
			h.uncompressed = w.int32()
		case id == 3:
			h.compressed = w.int32()
		case id == 4:
			h.crc, h.hasCRC = w.int32(), true
		case (id == 5 || id == 7 || id == 8) && kind == wireStruct:
			body = true
			w.pageBody(id, &h)
		default:
			w.skip(kind)
		}
	})
	switch {
	case w.err != nil:
		return h, 0, w.err
	case h.compressed < 0 || h.uncompressed < 0 || h.values < 0 || h.defBytes < 0 || h.repBytes < 0:
		return h, 0, errors.New("a negative size in a page header")
	case !body && h.kind != pageIndex:
		return h, 0, errors.New("a page header without its kind's part")
	}
	return h, w.pos, nil
}

// pageBody reads the part of a page header that depends on the page's kind: the field 5, 7 or 8.
func (w *wire) pageBody(part int16, h *pageHeader) {
	w.fields(func(id int16, kind byte) {
		switch {
		case id == 1:
			h.values = w.int32()
		case id == 2 && part != 8, id == 4 && part == 8:
			h.encoding = encoding(w.int32())
		case (id == 3 || id == 4) && part == 5:
			h.levels[id-3] = encoding(w.int32())
		case id == 3 && part == 8:
			h.rows = w.int32()
		case id == 5 && part == 8:
			h.defBytes = w.int32()
		case id == 6 && part == 8:
			h.repBytes = w.int32()
		case id == 7 && part == 8:
			h.isCompressed = kind == wireTrue
		default:
			w.skip(kind)
		}
	})
}
