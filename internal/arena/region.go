package arena

import (
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/invariant"
)

// Region is one piece of memory that grows, for a table. The zero Region is not usable.
type Region struct {
	acct *budget.Account
	mem  []byte
}

// NewRegion maps at least n zero bytes, counted in acct; a nil account counts nothing.
func NewRegion(acct *budget.Account, n int) (*Region, error) {
	mem, err := mapFor(acct, n)
	if err != nil {
		return nil, err
	}
	adviseHuge(mem)
	return &Region{acct: acct, mem: mem}, nil
}

// Bytes returns the memory, aligned to a page. It is valid until the next Grow or Free.
func (r *Region) Bytes() []byte { return r.mem }

// Grow makes the region at least n bytes long: content stays, new bytes are zero. Where the system can, pages move and nothing is copied,
// and at no time are both lengths in use. After an error the region is as it was.
func (r *Region) Grow(n int) error {
	if n <= len(r.mem) {
		return nil
	}
	if !canRemap || invariant.Enabled {
		return r.growByCopy(n)
	}
	n = wholePages(n)
	more := int64(n - len(r.mem))
	if err := r.acct.Grow(more); err != nil {
		return err
	}
	mem, err := remapMemory(r.mem, n)
	if err != nil {
		r.acct.Release(more)
		return err
	}
	r.mem = mem
	r.acct.Mapped(more)
	adviseHuge(mem)
	return nil
}

func (r *Region) growByCopy(n int) error {
	mem, err := mapFor(r.acct, n)
	if err != nil {
		return err
	}
	adviseHuge(mem)
	copy(mem, r.mem)
	unmapFor(r.acct, r.mem)
	r.mem = mem
	return nil
}

// Touch has the system give all of the memory now, and clear it, instead of page by page when it is first written to.
func (r *Region) Touch() {
	for i := 0; i < len(r.mem); i += touchEvery {
		r.mem[i] = 0
	}
}

// touchEvery is the smallest page of any machine that Go runs on.
const touchEvery = 4096

// Free returns the memory. The region cannot be used again; freeing it twice is allowed.
func (r *Region) Free() {
	if r.mem != nil {
		unmapFor(r.acct, r.mem)
		r.mem = nil
	}
}
