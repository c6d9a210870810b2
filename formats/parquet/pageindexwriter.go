package parquet

// writeIndexes writes the page indexes of all row groups (PageIndex.md): behind the pages, the column indexes first.
func (w *writer) writeIndexes() error {
	for i := range w.groups {
		for k := range w.groups[i].columns {
			m := &w.groups[i].columns[k]
			data, ok := encodeColumnIndex(w.columns[k].elem, m.pages)
			if !ok {
				continue
			}
			m.columnIndexAt, m.columnIndexN = w.at, int32(len(data))
			if err := w.write(data); err != nil {
				return err
			}
		}
	}
	for i := range w.groups {
		for k := range w.groups[i].columns {
			m := &w.groups[i].columns[k]
			data := encodeOffsetIndex(m.pages)
			m.offsetIndexAt, m.offsetIndexN = w.at, int32(len(data))
			if err := w.write(data); err != nil {
				return err
			}
		}
	}
	return nil
}

// encodeColumnIndex writes the bounds of each page; false when a page with values has none.
func encodeColumnIndex(e element, pages []pageInfo) ([]byte, bool) {
	least, most := make([][]byte, len(pages)), make([][]byte, len(pages))
	for i := range pages {
		p := &pages[i]
		least[i], most[i] = p.bounds.encode(e)
		if p.nulls < p.entries && (least[i] == nil || most[i] == nil) {
			return nil, false
		}
	}
	w := &wireOut{}
	w.begin()
	w.list(1, wireTrue, len(pages))
	for i := range pages {
		if pages[i].nulls == pages[i].entries {
			w.buf = append(w.buf, wireTrue)
		} else {
			w.buf = append(w.buf, wireFalse)
		}
	}
	w.list(2, wireBinary, len(pages))
	for _, b := range least {
		w.item(b)
	}
	w.list(3, wireBinary, len(pages))
	for _, b := range most {
		w.item(b)
	}
	w.i32(4, 0) // The pages are in no order that is known.
	w.list(5, wireI64, len(pages))
	for i := range pages {
		w.buf = append(w.buf, varint(pages[i].nulls)...)
	}
	w.end()
	return w.buf, true
}

// encodeOffsetIndex writes where each page is.
func encodeOffsetIndex(pages []pageInfo) []byte {
	w := &wireOut{}
	w.begin()
	w.list(1, wireStruct, len(pages))
	for i := range pages {
		w.begin()
		w.i64(1, pages[i].at)
		w.i32(2, pages[i].size)
		w.i64(3, pages[i].firstRow)
		w.end()
	}
	w.end()
	return w.buf
}
