package arena

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/invariant"
)

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// TestPiecesDoNotOverlap fills random pieces and finds each as it was left.
func TestPiecesDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := budget.New(1 << 30)
		acct := b.Account("test")
		a := New(acct)
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			var pieces [][]byte
			for i := range rapid.IntRange(1, 60).Draw(t, "pieces") {
				n := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 100_000), rapid.Just(largePiece)).Draw(t, "n")
				piece, err := a.Alloc(n)
				if err != nil || len(piece) != n || cap(piece) != n || n > 0 && address(piece)%8 != 0 {
					t.Fatalf("%d bytes: got %d of %d at %x, %v", n, len(piece), cap(piece), address(piece), err)
				}
				for k := range piece {
					piece[k] = byte(i)
				}
				pieces = append(pieces, piece)
			}
			for i, piece := range pieces {
				if bytes.Count(piece, []byte{byte(i)}) != len(piece) {
					t.Fatalf("piece %d was overwritten", i)
				}
			}
			if acct.Used() != a.Size() || b.Mapped() != a.Size() || a.Used() > a.Size() {
				t.Fatalf("account %d, mapped %d, size %d, used %d", acct.Used(), b.Mapped(), a.Size(), a.Used())
			}
			a.Reset()
		}
		a.Free()
		if acct.Used() != 0 || b.Mapped() != 0 || a.Size() != 0 {
			t.Fatalf("after Free: account %d, mapped %d, size %d", acct.Used(), b.Mapped(), a.Size())
		}
	})
}

func TestSliceIsZeroAndAligned(t *testing.T) {
	a := New(nil)
	defer a.Free()
	for range 3 {
		for _, n := range []int{1, 7, 1000, 500_000} {
			s, err := Slice[uint64](a, n)
			if err != nil || len(s) != n {
				t.Fatalf("got %d values, %v", len(s), err)
			}
			if at := uintptr(unsafe.Pointer(&s[0])); at%64 != 0 {
				t.Errorf("%d values begin at %x", n, at)
			}
			for i := range s {
				if s[i] != 0 {
					t.Fatalf("value %d of %d is %x", i, n, s[i])
				}
				s[i] = ^uint64(0)
			}
		}
		a.Reset()
	}
	if s, err := Slice[int32](a, 0); s != nil || err != nil {
		t.Errorf("no values: got %v, %v", s, err)
	}
	if _, err := Slice[int64](a, -1); err == nil {
		t.Error("-1 values were allocated")
	}
	if _, err := Slice[int64](a, 1<<61); err == nil {
		t.Error("2^61 values were allocated")
	}
}

func TestPointersAreRefused(t *testing.T) {
	type ok struct {
		A [3]int32
		B struct{ C float64 }
	}
	a := New(nil)
	defer a.Free()
	if _, err := Slice[ok](a, 3); err != nil {
		t.Error(err)
	}
	for name, alloc := range map[string]func(){
		"string":  func() { _, _ = Slice[string](a, 1) },
		"pointer": func() { _, _ = Slice[struct{ P *int }](a, 1) },
		"slice":   func() { _, _ = Slice[[2][]byte](a, 1) },
		"empty":   func() { _, _ = Slice[struct{}](a, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			alloc()
		})
	}
}

func TestBudgetRefuses(t *testing.T) {
	b := budget.New(300 << 10)
	a := New(b.Account("table"))
	var err error
	n := 0
	for ; err == nil; n++ {
		_, err = a.Alloc(1 << 10)
	}
	if !errors.Is(err, budget.ErrExceeded) {
		t.Fatalf("got %v", err)
	}
	if b.Used() != 256<<10 || n < 256 {
		t.Errorf("%d pieces of 1 KiB took %d bytes of 300 KiB; the last chunks should have been small ones", n, b.Used())
	}
	if _, err := a.Alloc(2 << 20); !errors.Is(err, budget.ErrExceeded) {
		t.Errorf("a large piece: got %v", err)
	}
	a.Free()
	if b.Used() != 0 {
		t.Errorf("%d bytes are left in the budget", b.Used())
	}
	if _, err := a.Alloc(100); err != nil {
		t.Errorf("the arena is not usable after Free: %v", err)
	}
	a.Free()
}

func TestResetKeepsChunks(t *testing.T) {
	a := New(nil)
	defer a.Free()
	fill := func() {
		for range 1000 {
			if _, err := a.Alloc(1000); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill()
	size := a.Size()
	for range 5 {
		a.Reset()
		fill()
	}
	if a.Size() != size {
		t.Errorf("size grew from %d to %d", size, a.Size())
	}
}

func TestCopy(t *testing.T) {
	a := New(nil)
	defer a.Free()
	src := []byte("abc")
	x, err := a.Copy(src)
	if err != nil {
		t.Fatal(err)
	}
	y, _ := a.Copy(src)
	src[0] = 'X'
	if string(x) != "abc" || address(y)-address(x) != 3 {
		t.Errorf("got %q, and the next one %d bytes behind", x, address(y)-address(x))
	}
}

func TestRegion(t *testing.T) {
	b := budget.New(64 << 20)
	acct := b.Account("slots")
	r, err := NewRegion(acct, 100)
	if err != nil {
		t.Fatal(err)
	}
	for n := 100; n <= 16<<20; n *= 4 {
		if err := r.Grow(n); err != nil {
			t.Fatal(err)
		}
		slots := View[uint32](r.Bytes())
		for i := range slots {
			want := uint32(0)
			if i < n/4/4 && n > 100 {
				want = uint32(i) + 1
			}
			if slots[i] != want && i < n/4 {
				t.Fatalf("after growing to %d slot %d is %d, want %d", n, i, slots[i], want)
			}
		}
		for i := range n / 4 {
			slots[i] = uint32(i) + 1
		}
		if acct.Used() != int64(len(r.Bytes())) || b.Mapped() != acct.Used() {
			t.Fatalf("account %d, mapped %d, length %d", acct.Used(), b.Mapped(), len(r.Bytes()))
		}
	}
	size := len(r.Bytes())
	if err := r.Grow(65 << 20); !errors.Is(err, budget.ErrExceeded) {
		t.Errorf("got %v", err)
	}
	if len(r.Bytes()) != size || acct.Used() != int64(size) {
		t.Error("a refused Grow changed the region")
	}
	r.Free()
	r.Free()
	if b.Used() != 0 || b.Mapped() != 0 {
		t.Errorf("after Free: used %d, mapped %d", b.Used(), b.Mapped())
	}
	if _, err := NewRegion(acct, 65<<20); !errors.Is(err, budget.ErrExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestUseAfterFreeStops(t *testing.T) {
	if !invariant.Enabled || !outsideHeap {
		t.Skip("only builds with the tag invariants guard freed memory")
	}
	r, err := NewRegion(nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	a := New(nil)
	piece, err := a.Alloc(8)
	if err != nil {
		t.Fatal(err)
	}
	before := r.Bytes()
	if err := r.Grow(1 << 20); err != nil {
		t.Fatal(err)
	}
	after := r.Bytes()
	r.Free()
	a.Free()
	for name, stale := range map[string][]byte{"region moved": before, "region freed": after, "arena freed": piece} {
		t.Run(name, func(t *testing.T) {
			defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
			defer func() {
				if recover() == nil {
					t.Error("freed memory was read")
				}
			}()
			_ = fmt.Sprint(stale[0])
		})
	}
}

func TestResetPoisons(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("only builds with the tag invariants poison")
	}
	a := New(nil)
	defer a.Free()
	piece, _ := a.Copy([]byte("abc"))
	a.Reset()
	if string(piece) == "abc" {
		t.Error("a piece can be read after Reset")
	}
}

func BenchmarkAlloc(b *testing.B) {
	a := New(nil)
	defer a.Free()
	b.ReportAllocs()
	for b.Loop() {
		if a.Used() > 64<<20 {
			a.Reset()
		}
		if _, err := a.Alloc(24); err != nil {
			b.Fatal(err)
		}
	}
}
