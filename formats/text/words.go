package text

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"unsafe"
)

// Words yields the words of a line: what stands between blanks, tabs and other bytes up to the blank. Letters of all languages are parts of
// words; so is any space that is not ASCII, which is what strings.FieldsSeq does otherwise, at about three times the price. A word aliases the line.
func Words(line string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start := 0
		for at := 0; at < len(line); at += 8 {
			for hits := blanks(load(line, at)); hits != 0; hits &= hits - 1 {
				end := at + bits.TrailingZeros64(hits)>>3
				if end > start && !yield(line[start:end]) {
					return
				}
				start = end + 1
			}
		}
		if start < len(line) {
			yield(line[start:])
		}
	}
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// blanks has the high bit set of each byte of w that is at most a blank, exactly: adding carries no byte into the next. After Hacker's
// Delight, 6-1.
func blanks(w uint64) uint64 {
	const toHigh = (0x7f - ' ') * ones // lifts every byte above a blank over 0x7f
	return ^((w &^ highs) + toHigh | w) & highs
}

// load returns eight bytes of s from at on; behind its end there are none that end a word.
func load(s string, at int) uint64 {
	if at+8 <= len(s) {
		return binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(s), len(s))[at:])
	}
	last := [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	copy(last[:], s[at:])
	return binary.LittleEndian.Uint64(last[:])
}
