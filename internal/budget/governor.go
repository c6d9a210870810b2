package budget

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const (
	// roomyBelow is the part of the heap's limit, in percent, below which the collector may run rarely.
	roomyBelow = 70
	// rarely is GOGC while there is room: the heap may grow to five times what is live. Never to collect costs more than it saves: memory
	// that is used again lies in the cache, and memory that is not has to be mapped and cleared (word count of 1 GB took 1.2 to 2.5 times
	// the processor time with GOGC off).
	rarely = 400
	// often is GOGC when there is little room: more would mean to reach the limit, and to collect all the time for little.
	often = 100
	// minHeapPart is the smallest part of the process's limit that the heap is left with: one in minHeapPart bytes. A smaller limit would
	// make the collector run all the time and help nobody.
	minHeapPart = 8
	// stepPart is how much of the process's limit mapped memory changes by before the heap's limit is set anew: one in stepPart bytes.
	// Setting it stops the world for a moment.
	stepPart = 64
)

// Governor sets the Go runtime's memory limit to what memory outside the heap leaves of a process's limit, and has the collector run
// rarely while the live heap is below 70 % of that. A program that embeds the engine may do without one. A mutex guards it.
type Governor struct {
	budget *Budget
	limit  int64 // bytes of the process
	fixed  int64 // bytes of the binary and of what else is neither heap nor arena

	mu        sync.Mutex
	mapped    int64 // when the limit was last set
	heap      int64 // the limit last set
	percent   int   // last set
	oldLimit  int64
	oldGOGC   int
	closed    bool
	setLimit  func(int64) int64
	setGOGC   func(int) int
	liveBytes func() int64
}

// NewGovernor starts to govern a process that may take limit bytes, of which fixed are the binary's and other memory that is neither heap
// nor counted as mapped in b. It follows b's mapped bytes until Close.
func NewGovernor(b *Budget, limit, fixed int64) *Governor {
	return newGovernor(b, limit, fixed, debug.SetMemoryLimit, debug.SetGCPercent, liveHeap)
}

func newGovernor(b *Budget, limit, fixed int64, setLimit func(int64) int64, setGOGC func(int) int, live func() int64) *Governor {
	g := &Governor{budget: b, limit: limit, fixed: fixed, setLimit: setLimit, setGOGC: setGOGC, liveBytes: live, percent: rarely}
	g.mapped = b.Mapped()
	g.heap = g.share(g.mapped)
	g.oldLimit, g.oldGOGC = setLimit(g.heap), setGOGC(g.percent)
	b.watch(g.follow)
	return g
}

// share returns the heap's limit when mapped bytes lie outside.
func (g *Governor) share(mapped int64) int64 {
	return max(g.limit-g.fixed-mapped, g.limit/minHeapPart)
}

// follow sets the heap's limit anew when mapped memory changed by a step.
func (g *Governor) follow() {
	g.mu.Lock()
	defer g.mu.Unlock()
	mapped := g.budget.Mapped()
	if step := g.limit / stepPart; g.closed || mapped-g.mapped < step && g.mapped-mapped < step {
		return
	}
	g.mapped = mapped
	if heap := g.share(mapped); heap != g.heap {
		g.heap = heap
		g.setLimit(heap)
	}
	g.collectMore()
}

// Check looks at the live heap and sets GOGC accordingly. Whoever reports the process's memory calls it then, about once a second;
// it also happens when mapped memory changes.
func (g *Governor) Check() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.collectMore()
	}
}

// collectMore sets GOGC by how much of the heap is live.
func (g *Governor) collectMore() {
	percent := rarely
	if g.liveBytes() > g.heap/100*roomyBelow {
		percent = often
	}
	if percent != g.percent {
		g.percent = percent
		g.setGOGC(percent)
	}
}

// HeapLimit returns the bytes the Go heap may take now.
func (g *Governor) HeapLimit() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.heap
}

// Close puts the runtime's settings back to what they were.
func (g *Governor) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.closed = true
	g.budget.watch(nil)
	g.setLimit(g.oldLimit)
	g.setGOGC(g.oldGOGC)
}

// liveHeap returns the bytes that the last collection found in use.
func liveHeap() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(min(sample[0].Value.Uint64(), math.MaxInt64))
}
