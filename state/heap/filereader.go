package heap

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// pieceBytes is about how many bytes of a file are made at a time.
const pieceBytes = 256 << 10

// fileReader makes the bytes of a file of a native snapshot as they are read. It is not an io.ReaderAt: the file is new.
type fileReader struct {
	view   *view
	since  uint32 // what was written in later epochs; 0: everything
	groups []int  // that are not at their end, from the first that is owned
	chunk  int    // of the first one: where to go on
	last   uint64 // place + 1 of its last record
	from   int64  // where its records begin
	foot   foot
	ended  bool
	offset int64  // of what comes behind piece
	piece  []byte // not yet read
	buf    []byte
	key    []byte // scratch
	value  []byte // scratch
}

func newFileReader(v *view, since uint32, groups []int) *fileReader {
	f := &fileReader{view: v, since: since, groups: groups, foot: foot{Epoch: v.epoch, Tables: v.Tables()}, buf: []byte(fileMagic)}
	f.made()
	f.from = f.offset
	return f
}

// made says that buf is the next piece.
func (f *fileReader) made() {
	f.piece = f.buf
	f.offset += int64(len(f.buf))
}

// Read reads some bytes.
func (f *fileReader) Read(p []byte) (int, error) {
	if len(f.piece) == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.piece)
	f.piece = f.piece[n:]
	return n, nil
}

// WriteTo writes what is left.
func (f *fileReader) WriteTo(w io.Writer) (n int64, err error) {
	for {
		m, err := w.Write(f.piece)
		n, f.piece = n+int64(m), nil
		if err == nil {
			err = f.next()
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// Close does nothing.
func (f *fileReader) Close() error { return nil }

// next makes the next piece.
func (f *fileReader) next() error {
	f.buf = f.buf[:0]
	f.view.helpWriter()
	for len(f.buf) < pieceBytes && len(f.groups) > 0 {
		f.appendChunks()
	}
	switch {
	case len(f.buf) > 0:
	case f.ended:
		return io.EOF
	default:
		f.ended = true
		text, err := json.Marshal(f.foot)
		if err != nil {
			return fmt.Errorf("describing keyed state: %w", err)
		}
		f.buf = binary.LittleEndian.AppendUint32(append(f.buf, text...), footCheck(text))
		f.buf = binary.LittleEndian.AppendUint32(f.buf, uint32(len(text)))
	}
	f.made()
	return nil
}

// footCheck is the check of a foot: what it says of tables is believed.
func footCheck(text []byte) uint32 { return crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)) }

// appendChunks appends records of the first group, until there are no more or enough.
func (f *fileReader) appendChunks() {
	v, g := f.view, f.groups[0]
	dir, l := &v.dirs[g], &v.layout
	for ; f.chunk < len(dir.entries) && len(f.buf) < pieceBytes; f.chunk++ {
		first := loc(f.chunk) << l.posBits
		if first >= v.ends[g] {
			break
		}
		if e := dir.entry(f.chunk, v.epoch); epochOf(e) > f.since {
			f.appendChunk(pieceOf(e), first, min(l.perChunk, int(v.ends[g]-first)))
		}
	}
	if f.chunk < len(dir.entries) && loc(f.chunk)<<l.posBits < v.ends[g] {
		return
	}
	to := f.offset + int64(len(f.buf))
	f.foot.Groups = append(f.foot.Groups, [3]int64{int64(v.store.cfg.Groups.From + g), f.from, to - f.from})
	f.groups, f.chunk, f.last, f.from = f.groups[1:], 0, 0, to
}

// appendChunk appends the records of the first n rows of a chunk, the first of which has that place.
func (f *fileReader) appendChunk(x piece, first loc, n int) {
	l := &f.view.layout
	base := f.view.mem(x)
	for pos := range n {
		r := rowOf(base, pos, l.size)
		there := r.inUse()
		if f.since > 0 && !r.isOf(l, f.since, f.view.epoch) || f.since == 0 && !there {
			continue
		}
		at := uint64(first) + uint64(pos) + 1
		f.buf = binary.AppendUvarint(f.buf, (at-f.last)<<1|uint64(r[0]&1))
		f.last = at
		if there {
			f.appendRow(r)
		}
	}
}

// appendRow appends what a row has.
func (f *fileReader) appendRow(r row) {
	v := f.view
	key := v.layout.keyIn(v, r, &f.key)
	buf := append(binary.AppendUvarint(f.buf, uint64(len(key))), key...)
	buf = append(buf, r[:v.layout.marks]...)
	for _, t := range v.tables {
		switch {
		case !r.has(t.bit):
		case t.kind == treeTable:
			treeScan(v, r.ref(t.at), nil, &f.value, func(namespace, stored []byte) bool {
				buf = append(binary.AppendUvarint(buf, uint64(len(namespace))+1), namespace...)
				buf = append(binary.AppendUvarint(buf, uint64(len(stored))), stored...)
				return true
			})
			buf = append(buf, 0)
		default:
			stored := t.stored(v, r, &f.value)
			buf = append(binary.AppendUvarint(buf, uint64(len(stored))), stored...)
		}
	}
	f.buf = buf
}
