//go:build unix

package arena

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/internal/invariant"
)

// outsideHeap says whether mapped memory is outside the Go heap.
const outsideHeap = true

func mapMemory(n int) ([]byte, error) {
	return unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
}

func unmapMemory(mem []byte) {
	if err := unix.Munmap(mem); err != nil {
		panic(fmt.Sprintf("arena: unmapping %d bytes: %v", len(mem), err))
	}
}

// discard returns mem to the system, in builds that check invariants by way of the quarantine.
func discard(mem []byte) {
	if !invariant.Enabled {
		unmapMemory(mem)
		return
	}
	if err := unix.Madvise(mem, unix.MADV_DONTNEED); err != nil {
		panic(fmt.Sprintf("arena: dropping the pages of %d bytes: %v", len(mem), err))
	}
	if err := unix.Mprotect(mem, unix.PROT_NONE); err != nil {
		panic(fmt.Sprintf("arena: protecting %d bytes: %v", len(mem), err))
	}
	if oldest := freed.push(mem); oldest != nil {
		unmapMemory(oldest)
	}
}

// freed keeps the addresses of the mappings discarded last from being used again, so that an access to them stops the program.
var freed quarantine

type quarantine struct {
	mu   sync.Mutex
	ring [512][]byte
	at   int
}

// push takes mem in and returns the mapping that has been here longest, nil while there is room.
func (q *quarantine) push(mem []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	oldest := q.ring[q.at]
	q.ring[q.at] = mem
	q.at = (q.at + 1) % len(q.ring)
	return oldest
}
