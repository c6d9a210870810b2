package runner

import (
	"time"

	"github.com/millrace/millrace/internal/budget"
)

// laterPages is about what a job touches, once it runs, of the binary's pages that are not in memory before.
const laterPages = 16 << 20

// outsideHeap is about what the process has in memory that is neither Go heap nor arena: the pages of the binary that are used.
func outsideHeap() int64 { return filePages() + laterPages }

// governEvery is the time between two looks at the live heap.
const governEvery = time.Second

// govern keeps the Go heap to what the memory in use by arenas leaves of the process's limit, until the function it returns is called. It
// does nothing where the process is not the job's alone.
func (r *run) govern(memory *budget.Budget) (stop func()) {
	if !r.options.Govern {
		return func() {}
	}
	g := budget.NewGovernor(memory, r.options.Memory, outsideHeap())
	done, ended := make(chan struct{}), make(chan struct{})
	go func() { // ends when done is closed
		defer close(ended)
		tick := time.NewTicker(governEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				g.Check()
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		g.Close()
	}
}
