package heap

import (
	"testing"

	"github.com/millrace/millrace/internal/budget"
)

func TestSlabsMadeAhead(t *testing.T) {
	const total = 3 * maxSlab
	acct := budget.New(total).Account("state")
	p := pool{acct: acct}
	if _, err := p.alloc(chunkClass); err != nil {
		t.Fatal(err)
	}
	small := acct.Used()
	p.makeAhead()
	p.makeAhead() // there is one
	if got := acct.Used() - small; got != maxSlab {
		t.Fatalf("%d bytes were made ahead; want %d", got, maxSlab)
	}
	if err := p.grow(); err != nil {
		t.Fatal(err)
	}
	if got := acct.Used() - small; got != maxSlab || p.size != small+maxSlab {
		t.Fatalf("after it was taken %d bytes are held, and the pool has %d; want %d and %d", got, p.size, maxSlab, small+maxSlab)
	}
	for range maxSlab / chunkBytes {
		x, err := p.alloc(chunkClass)
		if err != nil {
			t.Fatal(err)
		}
		p.bytes(x, chunkBytes)[chunkBytes-1] = 1
	}
	p.makeAhead()
	p.makeAhead()
	if err := p.grow(); err != nil {
		t.Fatal(err)
	}
	p.makeAhead() // refused: whoever needs memory will be told
	if held := acct.Used(); held > total {
		t.Fatalf("%d bytes are held of %d", held, total)
	}
	p.close()
	if held := acct.Used(); held != 0 {
		t.Errorf("%d bytes are held after close", held)
	}
}

func TestSlabsMadeAheadGoWithThePool(t *testing.T) {
	acct := budget.New(1 << 30).Account("state")
	p := pool{acct: acct}
	p.makeAhead()
	p.close()
	if held := acct.Used(); held != 0 {
		t.Errorf("%d bytes are held after close", held)
	}
}
