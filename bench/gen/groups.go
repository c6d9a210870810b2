package main

import (
	"math"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// Salts of the columns, so that they are independent of each other.
const (
	saltFewKeys  = 0x11 << 40
	saltManyKeys = 0x12 << 40
	saltV1       = 0x13 << 40
	saltV2       = 0x14 << 40
	saltName     = 0x15 << 40
)

// writeGroups writes the columns of the group-by workloads, one row below the other independent and uniform:
//
//	k_1k, k_1m   int64   one of 1,000, of 1,000,000 keys spread over 63 bits
//	s_1k, s_1m   string  7 to 20 bytes, as many different ones, the names of the same keys
//	v1           int64   1 to 100,000
//	v2           float64 0 to 100, six decimals
func writeGroups(dir string, rows int64) error {
	few := func(row int64) int64 { return int64(newRNG(row, saltFewKeys).intn(1_000)) }
	many := func(row int64) int64 { return int64(newRNG(row, saltManyKeys).intn(1_000_000)) }
	var g errgroup.Group
	g.SetLimit(writers)
	g.Go(func() error { return writeInts(dir, "k_1k", rows, spreadKeys(few)) })
	g.Go(func() error { return writeInts(dir, "k_1m", rows, spreadKeys(many)) })
	g.Go(func() error { return writeStrings(dir, "s_1k", rows, nameKeys(few)) })
	g.Go(func() error { return writeStrings(dir, "s_1m", rows, nameKeys(many)) })
	g.Go(func() error { return writeInts(dir, "v1", rows, groupV1) })
	g.Go(func() error { return writeFloats(dir, "v2", rows, groupV2) })
	return g.Wait()
}

func groupV1(row int64) int64 { return 1 + int64(newRNG(row, saltV1).intn(100_000)) }

func groupV2(row int64) float64 { return math.Floor(newRNG(row, saltV2).float()*1e8) / 1e6 }

// spreadKeys maps dense keys to numbers all over the positive range, so that no engine can index by them.
func spreadKeys(key func(row int64) int64) func(row int64) int64 {
	return func(row int64) int64 { return spread(key(row)) }
}

func spread(key int64) int64 { return int64(mix(uint64(key)+saltName) >> 1) }

// nameKeys maps dense keys to names: 3 to 15 letters, a dash and the key in base 36. Some fit the 12 bytes
// that column stores keep inside a string's header, some do not.
func nameKeys(key func(row int64) int64) func(b []byte, row int64) []byte {
	return func(b []byte, row int64) []byte { return appendName(b, key(row)) }
}

func appendName(b []byte, key int64) []byte {
	r := newRNG(key, saltName)
	for n := 3 + r.intn(13); n > 0; n-- {
		b = append(b, r.letter())
	}
	return strconv.AppendInt(append(b, '-'), key, 36)
}
