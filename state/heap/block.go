package heap

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Blocks hold what has no fixed place in a row: long keys, cells of varying length, the nodes of trees. A chunk has blocks of one size.

// blockSizes are the sizes of blocks, by their class.
var blockSizes = [...]int{16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1360, 2048, chunkBytes}

// blockClass has the class for a size, in units of 16 bytes.
var blockClass = func() (classes [chunkBytes/16 + 1]uint8) {
	c := 0
	for i := range classes {
		if i*16 > blockSizes[c] {
			c++
		}
		classes[i] = uint8(c)
	}
	return classes
}()

// classFor returns the class of the smallest block of n bytes or more.
func classFor(n int) int { return int(blockClass[(n+15)/16]) }

// ref names a block: chunk << 20 | offset << 8 | class + 1; 0 is none. A chained one is the first of a row of the largest blocks.
type ref uint64

const chained = 0x80

func refOf(chunk, offset, class int) ref { return ref(chunk)<<20 | ref(offset)<<8 | ref(class+1) }

func (r ref) chunk() int      { return int(r >> 20) }
func (r ref) offset() int     { return int(r>>8) & 0xfff }
func (r ref) class() int      { return int(r&0x7f) - 1 }
func (r ref) isChained() bool { return r&chained != 0 }
func (r ref) size() int       { return blockSizes[r.class()] }

// blocks are all blocks of a store.
type blocks struct {
	dir     dir
	meta    []blockMeta
	partial [len(blockSizes)][]uint32 // chunks that have free blocks; maybe some twice, and some that have none any more
	empty   []uint32                  // numbers of chunks that are not in use
}

// blockMeta is what is known of a chunk.
type blockMeta struct {
	free  [4]uint64 // bit i: block i is free
	left  uint16    // free blocks
	class uint8
	used  bool
}

// blockReader finds blocks: the store's, or a view's.
type blockReader interface {
	block(r ref) []byte
}

// block returns a block for reading by the task's goroutine.
func (s *store) block(r ref) []byte {
	base := s.pool.mem(s.blocks.dir.at(r.chunk()))
	return unsafe.Slice((*byte)(unsafe.Add(base, r.offset())), r.size())
}

// writableBlock returns a block to write to.
func (s *store) writableBlock(r ref) ([]byte, error) {
	x, err := s.writable(&s.blocks.dir, r.chunk(), chunkClass)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(unsafe.Add(s.pool.mem(x), r.offset())), r.size()), nil
}

// newBlock returns a block of n bytes or more, at most chunkBytes, and its memory, of unspecified content.
func (s *store) newBlock(n int) (ref, []byte, error) {
	b := &s.blocks
	class := classFor(n)
	list := b.partial[class]
	for len(list) > 0 {
		last := list[len(list)-1]
		if m := &b.meta[last]; m.used && int(m.class) == class && m.left > 0 {
			break
		}
		list = list[:len(list)-1]
	}
	b.partial[class] = list
	if len(list) == 0 {
		if err := s.newBlockChunk(class); err != nil {
			return 0, nil, err
		}
		list = b.partial[class]
	}
	chunk := int(list[len(list)-1])
	if _, err := s.writable(&b.dir, chunk, chunkClass); err != nil {
		return 0, nil, err
	}
	r := refOf(chunk, b.meta[chunk].take()*blockSizes[class], class)
	return r, s.block(r), nil
}

// take returns a free block, which is there.
func (m *blockMeta) take() int {
	for w := range m.free {
		if m.free[w] != 0 {
			i := bits.TrailingZeros64(m.free[w])
			m.free[w] &^= 1 << i
			m.left--
			return w*64 + i
		}
	}
	panic("heap: a chunk of blocks has none free")
}

// newBlockChunk adds a chunk of free blocks.
func (s *store) newBlockChunk(class int) error {
	b := &s.blocks
	x, err := s.pool.alloc(chunkClass)
	if err != nil {
		return err
	}
	chunk := uint32(len(b.meta))
	if n := len(b.empty); n > 0 {
		chunk, b.empty = b.empty[n-1], b.empty[:n-1]
		b.dir.entries[chunk].Store(entryOf(s.epochs.now, x))
	} else {
		b.dir.add(s.epochs.now, x)
		b.meta = append(b.meta, blockMeta{})
	}
	n := chunkBytes / blockSizes[class]
	m := &b.meta[chunk]
	*m = blockMeta{left: uint16(n), class: uint8(class), used: true}
	for w := range m.free {
		switch {
		case n >= 64*(w+1):
			m.free[w] = ^uint64(0)
		case n > 64*w:
			m.free[w] = 1<<(n-64*w) - 1
		}
	}
	b.partial[class] = append(b.partial[class], chunk)
	return nil
}

// freeBlock takes a block back; a chunk of free blocks only goes back to the pool.
func (s *store) freeBlock(r ref) {
	b := &s.blocks
	m := &b.meta[r.chunk()]
	i := r.offset() / r.size()
	m.free[i/64] |= 1 << (i % 64)
	m.left++
	if int(m.left) == chunkBytes/r.size() {
		m.used = false
		s.replace(&b.dir, r.chunk(), chunkClass, b.dir.entries[r.chunk()].Load(), 0)
		b.empty = append(b.empty, uint32(r.chunk()))
		return
	}
	if m.left == 1 {
		b.partial[m.class] = append(b.partial[m.class], uint32(r.chunk()))
	}
}

// A value is bytes of any length: in a block behind their length, 4 bytes; or in a chain of the largest blocks, each behind the name of the
// next, the first behind the length as well, 8 bytes.
const (
	valueHead = 4
	chainHead = 8
	maxValue  = chunkBytes - valueHead
)

// putValue stores the concatenation of head and v in place of what old names, 0 for nothing, and returns its name.
func (s *store) putValue(old ref, head, v []byte) (ref, error) {
	n := len(head) + len(v)
	if n > maxValue {
		r, err := s.newChain(head, v)
		if err == nil {
			s.freeValue(old)
		}
		return r, err
	}
	var to []byte
	var err error
	r := old
	if old != 0 && !old.isChained() && old.class() == classFor(n+valueHead) {
		to, err = s.writableBlock(old)
	} else if r, to, err = s.newBlock(n + valueHead); err == nil {
		s.freeValue(old)
	}
	if err != nil {
		return 0, err
	}
	binary.LittleEndian.PutUint32(to, uint32(n))
	copy(to[valueHead:], head)
	copy(to[valueHead+len(head):], v)
	return r, nil
}

// newChain stores long bytes, the last block first.
func (s *store) newChain(head, v []byte) (ref, error) {
	all := append(binary.LittleEndian.AppendUint64(nil, uint64(len(head)+len(v))), head...)
	all = append(all, v...)
	const payload = chunkBytes - chainHead
	if err := s.pool.spare(len(all)/payload + 2); err != nil {
		return 0, err
	}
	next := ref(0)
	for at := (len(all) - 1) / payload * payload; at >= 0; at -= payload {
		r, to, err := s.newBlock(chunkBytes)
		if err != nil {
			return 0, err
		}
		binary.LittleEndian.PutUint64(to, uint64(next))
		copy(to[chainHead:], all[at:min(at+payload, len(all))])
		next = r
	}
	return next | chained, nil
}

// valueIn returns the bytes that r names: a view of the block, or in scratch.
func valueIn(from blockReader, r ref, scratch *[]byte) []byte {
	if !r.isChained() {
		b := from.block(r)
		n := int(binary.LittleEndian.Uint32(b))
		return b[valueHead : valueHead+n : valueHead+n]
	}
	b := from.block(r &^ chained)
	n := int(binary.LittleEndian.Uint64(b[chainHead:]))
	out := append((*scratch)[:0], b[chainHead+8:]...)
	for next := ref(binary.LittleEndian.Uint64(b)); next != 0; next = ref(binary.LittleEndian.Uint64(b)) {
		b = from.block(next)
		out = append(out, b[chainHead:]...)
	}
	*scratch = out
	return out[:n:n]
}

// freeValue takes the blocks of a value back.
func (s *store) freeValue(r ref) {
	if r == 0 {
		return
	}
	if !r.isChained() {
		s.freeBlock(r)
		return
	}
	for next := r &^ chained; next != 0; {
		r = next
		next = ref(binary.LittleEndian.Uint64(s.block(r)))
		s.freeBlock(r)
	}
}
