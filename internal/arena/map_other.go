//go:build !unix

package arena

import "unsafe"

// outsideHeap says whether mapped memory is outside the Go heap.
const outsideHeap = false

// mapMemory returns memory of the Go heap, aligned for slices.
func mapMemory(n int) ([]byte, error) {
	mem := make([]byte, n+sliceAlign)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(mem))) & (sliceAlign - 1))
	return mem[skip : skip+n : skip+n], nil
}

// discard leaves mem to the collector.
func discard([]byte) {}
