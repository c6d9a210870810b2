package arena

import (
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/invariant"
)

const (
	minChunk = 64 << 10
	maxChunk = 8 << 20
	// largePiece is the size from which on a piece has a mapping of its own, so that little of a chunk is lost at its end.
	largePiece = maxChunk / 8
	// sliceAlign is the alignment of slices: a cache line.
	sliceAlign = 64
)

// Arena cuts pieces from chunks that it maps as needed, each twice as large as the one before. The zero Arena is not usable.
type Arena struct {
	acct   *budget.Account
	chunks []chunk
	at     int // the chunk that pieces are cut from
	off    int // bytes of it in use
	large  [][]byte
	next   int // bytes of the next chunk
	size   int64
	used   int64
}

type chunk struct {
	mem   []byte
	dirty bool // was in use before the last Reset
}

// New returns an empty arena whose chunks are counted in acct; a nil account counts nothing.
func New(acct *budget.Account) *Arena { return &Arena{acct: acct, next: minChunk} }

// Alloc returns n bytes, aligned to 8, of unspecified content.
func (a *Arena) Alloc(n int) ([]byte, error) {
	mem, _, err := a.alloc(n, 8)
	return mem, err
}

// Copy returns a copy of b, not aligned.
func (a *Arena) Copy(b []byte) ([]byte, error) {
	mem, _, err := a.alloc(len(b), 1)
	copy(mem, b)
	return mem, err
}

// Size returns the bytes mapped, which the account holds.
func (a *Arena) Size() int64 { return a.size }

// Used returns the bytes of the pieces cut since the last Reset, alignment included.
func (a *Arena) Used() int64 { return a.used }

// Reset takes all pieces back and keeps the chunks for the next ones.
func (a *Arena) Reset() {
	for i := range a.chunks {
		if i <= a.at {
			a.chunks[i].dirty = true
			invariant.Poison(a.chunks[i].mem)
		}
	}
	a.dropLarge()
	a.at, a.off, a.used = 0, 0, 0
}

// Free takes all pieces back and returns the memory. The arena can be used again.
func (a *Arena) Free() {
	a.dropLarge()
	for _, c := range a.chunks {
		a.unmap(c.mem)
	}
	a.chunks, a.at, a.off, a.next, a.used = nil, 0, 0, minChunk, 0
}

func (a *Arena) dropLarge() {
	for _, mem := range a.large {
		a.unmap(mem)
	}
	a.large = nil
}

func (a *Arena) unmap(mem []byte) {
	a.size -= int64(len(mem))
	unmapFor(a.acct, mem)
}

// alloc returns n bytes at a multiple of align, a power of two up to a page, and whether they are zero.
func (a *Arena) alloc(n, align int) (mem []byte, clean bool, err error) {
	if a.at < len(a.chunks) {
		// Chunks begin at a page: an aligned offset is an aligned address.
		c := &a.chunks[a.at]
		if start := (a.off + align - 1) &^ (align - 1); n <= len(c.mem)-start {
			a.used += int64(start + n - a.off)
			a.off = start + n
			return c.mem[start:a.off:a.off], !c.dirty, nil
		}
	}
	if n >= largePiece {
		return a.allocLarge(n)
	}
	if err := a.nextChunk(n); err != nil {
		return nil, false, err
	}
	return a.alloc(n, align)
}

func (a *Arena) allocLarge(n int) ([]byte, bool, error) {
	mem, err := mapFor(a.acct, n)
	if err != nil {
		return nil, false, err
	}
	a.large = append(a.large, mem)
	a.size += int64(len(mem))
	a.used += int64(n)
	return mem[:n:n], true, nil
}

// nextChunk moves on to a chunk with room for n bytes: one kept by Reset, or a new one, smaller than usual if the budget wants it so.
func (a *Arena) nextChunk(n int) error {
	for a.at+1 < len(a.chunks) {
		a.at, a.off = a.at+1, 0
		if n <= len(a.chunks[a.at].mem) {
			return nil
		}
	}
	least := max(n, minChunk)
	mem, err := mapFor(a.acct, max(least, a.next))
	if errors.Is(err, budget.ErrExceeded) && least < a.next {
		mem, err = mapFor(a.acct, least)
	}
	if err != nil {
		return err
	}
	a.next = min(2*len(mem), maxChunk)
	a.chunks = append(a.chunks, chunk{mem: mem})
	a.at, a.off = len(a.chunks)-1, 0
	a.size += int64(len(mem))
	return nil
}

// mapFor maps at least n bytes, zero, and counts them in acct.
func mapFor(acct *budget.Account, n int) ([]byte, error) {
	if n > math.MaxInt-pageSize {
		return nil, fmt.Errorf("mapping %d bytes for %s: too many", n, acct.Name())
	}
	n = wholePages(n)
	if err := acct.Grow(int64(n)); err != nil {
		return nil, err
	}
	mem, err := mapMemory(n)
	if err != nil {
		acct.Release(int64(n))
		return nil, fmt.Errorf("mapping %s for %s: %w", budget.FormatSize(int64(n)), acct.Name(), err)
	}
	if outsideHeap {
		acct.Mapped(int64(n))
	}
	return mem, nil
}

// unmapFor returns what mapFor gave.
func unmapFor(acct *budget.Account, mem []byte) {
	n := int64(len(mem))
	discard(mem)
	if outsideHeap {
		acct.Mapped(-n)
	}
	acct.Release(n)
}

// pageSize is what sizes are rounded to: a multiple of the page of every system in use.
const pageSize = 16 << 10

func wholePages(n int) int { return (n + pageSize - 1) &^ (pageSize - 1) }
