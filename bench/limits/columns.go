package main

import (
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Raw columns, as ../gen writes them: NAME.i64 and NAME.f64 hold little-endian values; NAME.str holds the bytes
// of all strings and NAME.off their starts, one more than there are rows. They are mapped and never unmapped.

// mapInts and mapFloats map a column of DIR.
func mapInts(dir, name string) ([]int64, error)     { return mapped[int64](dir, name+".i64") }
func mapFloats(dir, name string) ([]float64, error) { return mapped[float64](dir, name+".f64") }

// stringColumn is a column of strings.
type stringColumn struct {
	text   []byte
	starts []int64
}

// mapStrings maps a column of strings.
func mapStrings(dir, name string) (stringColumn, error) {
	starts, err := mapped[int64](dir, name+".off")
	if err != nil {
		return stringColumn{}, err
	}
	text, err := mapped[byte](dir, name+".str")
	return stringColumn{text, starts}, err
}

func (c stringColumn) len() int          { return len(c.starts) - 1 }
func (c stringColumn) at(row int) []byte { return c.text[c.starts[row]:c.starts[row+1]] }

// mapped maps a file as values of type T in the machine's byte order.
func mapped[T any](dir, file string) ([]T, error) {
	data, err := mapFile(filepath.Join(dir, file))
	if err != nil || len(data) == 0 {
		return nil, err
	}
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(&data[0])), len(data)/int(unsafe.Sizeof(zero))), nil
}

func mapFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read; the mapping outlives it
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil, err
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", path, err)
	}
	return data, nil
}

// hugeSlice returns n zero values outside the heap in huge pages, so that filling hundreds of megabytes takes few
// page faults. T has no pointers. The memory is never given back.
func hugeSlice[T any](n int) ([]T, error) {
	var zero T
	data, err := unix.Mmap(-1, 0, max(1, n*int(unsafe.Sizeof(zero))), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("mapping memory for %d values: %w", n, err)
	}
	_ = unix.Madvise(data, unix.MADV_HUGEPAGE) // where there are none, small pages do
	return unsafe.Slice((*T)(unsafe.Pointer(&data[0])), n), nil
}
