package main

import (
	"bufio"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
)

// Tables of columns are written raw, a file a column, in little-endian order: NAME.i64 and NAME.f64 hold
// the values, NAME.str the bytes of all strings one behind the other and NAME.off their starts as 64-bit
// numbers, one more than there are rows. columns.py turns a folder of them into Parquet and back; the
// programs in ../limits read them as they are.

// writeInts writes NAME.i64 with value(0) to value(rows-1).
func writeInts(dir, name string, rows int64, value func(row int64) int64) error {
	return writeWords64(dir, name+".i64", rows, func(row int64) uint64 { return uint64(value(row)) })
}

// writeFloats writes NAME.f64.
func writeFloats(dir, name string, rows int64, value func(row int64) float64) error {
	return writeWords64(dir, name+".f64", rows, func(row int64) uint64 { return math.Float64bits(value(row)) })
}

// writeStrings writes NAME.str and NAME.off; value appends a row's string to b.
func writeStrings(dir, name string, rows int64, value func(b []byte, row int64) []byte) error {
	offsets := make([]uint64, rows+1)
	err := writeColumn(dir, name+".str", func(w *bufio.Writer) error {
		var b []byte
		for row := range rows {
			b = value(b[:0], row)
			if _, err := w.Write(b); err != nil {
				return err
			}
			offsets[row+1] = offsets[row] + uint64(len(b))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return writeWords64(dir, name+".off", rows+1, func(row int64) uint64 { return offsets[row] })
}

func writeWords64(dir, file string, rows int64, word func(row int64) uint64) error {
	return writeColumn(dir, file, func(w *bufio.Writer) error {
		var b [8]byte
		for row := range rows {
			binary.LittleEndian.PutUint64(b[:], word(row))
			if _, err := w.Write(b[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeColumn(dir, file string, fill func(w *bufio.Writer) error) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, file), fill)
}
