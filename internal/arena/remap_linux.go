package arena

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// canRemap says whether remapMemory works.
const canRemap = true

// hugeFrom is the size from which on large pages are asked for: a table that is probed at random then misses the TLB less often.
const hugeFrom = 4 << 20

// remapMemory makes a mapping n bytes long, at another address if need be.
func remapMemory(mem []byte, n int) ([]byte, error) {
	out, err := unix.Mremap(mem, n, unix.MREMAP_MAYMOVE)
	if err != nil {
		return nil, fmt.Errorf("growing a mapping of %d bytes to %d: %w", len(mem), n, err)
	}
	return out, nil
}

// adviseHuge asks for large pages; a system without them says no, which changes nothing.
func adviseHuge(mem []byte) {
	if len(mem) >= hugeFrom {
		_ = unix.Madvise(mem, unix.MADV_HUGEPAGE)
	}
}
