package heap

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/millrace/millrace/internal/arena"
	"github.com/millrace/millrace/internal/budget"
)

// Memory comes in pieces of 256 bytes to 4 KiB, which are cut from slabs outside of the Go heap and named by numbers of 32 bits: the slab, and
// the place in it in units of the least piece.
const (
	minPiece   = 256
	chunkBytes = 4096 // the largest piece
	placeBits  = 16   // of a piece's number: the place in its slab
	minSlab    = 64 << 10
	maxSlab    = minPiece << placeBits
)

// class is the size of a piece: minPiece << class.
type class uint8

// chunkClass is the class of the largest piece.
const chunkClass class = 4

func (c class) bytes() int { return minPiece << c }

// piece names a piece of memory; 0 is none.
type piece uint32

// pool gives pieces out and takes them back. Slabs go back to the system with the pool only.
type pool struct {
	acct  *budget.Account
	slabs []*arena.Region
	bases []unsafe.Pointer
	at    int // bytes of the last slab in use
	end   int // bytes of the last slab
	free  [chunkClass + 1][]piece
	size  int64
	used  int64 // of pieces that are given out

	made atomic.Pointer[arena.Region] // the next slab, if somebody has made it ahead
}

// alloc returns a piece of unspecified content.
func (p *pool) alloc(c class) (piece, error) {
	p.used += int64(c.bytes())
	if free := p.free[c]; len(free) > 0 {
		got := free[len(free)-1]
		p.free[c] = free[:len(free)-1]
		return got, nil
	}
	if p.at+c.bytes() > p.end {
		if err := p.grow(); err != nil {
			p.used -= int64(c.bytes())
			return 0, err
		}
	}
	got := piece((len(p.bases)-1)<<placeBits | p.at/minPiece)
	p.at += c.bytes()
	return got, nil
}

// grow adds a slab, of twice the size of the last one as long as that is small.
func (p *pool) grow() error {
	// What is left of the last slab is cut into free pieces.
	for ; p.at+chunkBytes <= p.end; p.at += chunkBytes {
		p.free[chunkClass] = append(p.free[chunkClass], piece((len(p.bases)-1)<<placeBits|p.at/minPiece))
	}
	for ; p.at+minPiece <= p.end; p.at += minPiece {
		p.free[0] = append(p.free[0], piece((len(p.bases)-1)<<placeBits|p.at/minPiece))
	}
	region, err := p.slab()
	if err != nil {
		return err
	}
	p.slabs = append(p.slabs, region)
	p.bases = append(p.bases, unsafe.Pointer(unsafe.SliceData(region.Bytes())))
	p.at, p.end = 0, len(region.Bytes())
	p.size += int64(p.end)
	if len(p.slabs) == 1 {
		p.at = minPiece // no piece has the number 0
	}
	return nil
}

// slab returns the next slab.
func (p *pool) slab() (*arena.Region, error) {
	if made := p.made.Swap(nil); made != nil {
		return made, nil
	}
	size := minSlab
	if n := len(p.slabs); n > 0 {
		size = min(2*len(p.slabs[n-1].Bytes()), maxSlab)
	}
	region, err := arena.NewRegion(p.acct, size)
	if err != nil && size > minSlab {
		size = minSlab
		region, err = arena.NewRegion(p.acct, size)
	}
	if err != nil {
		return nil, fmt.Errorf("growing keyed state of %s by %d bytes: %w", budget.FormatSize(p.size), size, err)
	}
	return region, nil
}

// makeAhead makes the next slab, if there is none yet. The system clears memory when it is first written to, which takes longer than all else that
// a copy of a chunk costs: who reads a view does it for the task, whose writes are copies meanwhile. Any goroutine may call it until close.
func (p *pool) makeAhead() {
	if p.made.Load() != nil {
		return
	}
	region, err := arena.NewRegion(p.acct, maxSlab)
	if err != nil { // whoever needs it asks again, and has to say so
		return
	}
	region.Touch()
	if !p.made.CompareAndSwap(nil, region) {
		region.Free()
	}
}

// put takes a piece back.
func (p *pool) put(x piece, c class) {
	p.used -= int64(c.bytes())
	p.free[c] = append(p.free[c], x)
}

// mem returns where a piece begins.
func (p *pool) mem(x piece) unsafe.Pointer {
	return unsafe.Add(p.bases[x>>placeBits], int(x&(1<<placeBits-1))*minPiece)
}

// bytes returns the first n bytes of a piece.
func (p *pool) bytes(x piece, n int) []byte { return unsafe.Slice((*byte)(p.mem(x)), n) }

// close returns all memory.
func (p *pool) close() {
	for _, s := range p.slabs {
		s.Free()
	}
	if made := p.made.Swap(nil); made != nil {
		made.Free()
	}
	*p = pool{acct: p.acct}
}

// spare makes sure that the next n chunks can be had, so that what needs several is done or not done.
func (p *pool) spare(n int) error {
	for len(p.free[chunkClass])+(p.end-p.at)/chunkBytes < n {
		if err := p.grow(); err != nil {
			return err
		}
	}
	return nil
}
