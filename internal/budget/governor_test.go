package budget

import (
	"runtime/debug"
	"testing"
)

// runtimeStub stands for the runtime's settings.
type runtimeStub struct {
	limit int64
	gogc  int
	live  int64
	sets  int
}

func (r *runtimeStub) setLimit(n int64) int64 {
	old := r.limit
	r.limit = n
	r.sets++
	return old
}

func (r *runtimeStub) setGOGC(p int) int {
	old := r.gogc
	r.gogc = p
	return old
}

func TestGovernorFollowsMappedMemory(t *testing.T) {
	rt := &runtimeStub{limit: 1 << 62, gogc: 100}
	b := New(800)
	table := b.Account("table")
	g := newGovernor(b, 1000, 100, rt.setLimit, rt.setGOGC, func() int64 { return rt.live })
	if rt.limit != 900 || rt.gogc != rarely {
		t.Fatalf("heap limit %d, GOGC %d; want 900 and 400", rt.limit, rt.gogc)
	}
	table.Force(700)
	table.Mapped(300)
	if rt.limit != 600 || g.HeapLimit() != 600 {
		t.Errorf("300 bytes were mapped, the heap's limit is %d, want 600", rt.limit)
	}
	sets := rt.sets
	table.Mapped(5)
	if rt.sets != sets {
		t.Error("the limit was set for a change below a step")
	}
	table.Mapped(595)
	if rt.limit != 125 {
		t.Errorf("the heap is left with %d, want an eighth of the limit", rt.limit)
	}
	table.Mapped(-900)
	if rt.limit != 900 {
		t.Errorf("memory was unmapped, the heap's limit is %d, want 900", rt.limit)
	}

	rt.live = 700
	g.Check()
	if rt.gogc != 100 {
		t.Errorf("with 700 of 900 live GOGC is %d, want 100", rt.gogc)
	}
	rt.live = 500
	g.Check()
	if rt.gogc != rarely {
		t.Errorf("with 500 of 900 live GOGC is %d, want 400", rt.gogc)
	}

	g.Close()
	g.Close()
	if rt.limit != 1<<62 || rt.gogc != 100 {
		t.Errorf("Close left limit %d, GOGC %d", rt.limit, rt.gogc)
	}
	table.Mapped(500)
	g.Check()
	if rt.limit != 1<<62 {
		t.Error("a closed governor set a limit")
	}
}

func TestGovernorOfTheRuntime(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	g := NewGovernor(New(1<<30), 1<<30, 1<<20)
	if got, want := debug.SetMemoryLimit(-1), int64(1<<30-1<<20); got != want {
		t.Errorf("memory limit %d, want %d", got, want)
	}
	if liveHeap() < 0 {
		t.Error("no live heap")
	}
	g.Close()
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("memory limit %d after Close, want %d", got, before)
	}
}
