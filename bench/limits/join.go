package main

import (
	"errors"
	"path/filepath"
	"sort"
	"strconv"
)

// join computes, for each region of dim, the number of matching fact rows and the sum of their amounts.
// The table over dim is built by one goroutine, then probed by all.
func join(in, out string, threads int) error {
	dim, regions, err := buildDim(filepath.Join(in, "dim"))
	if err != nil {
		return err
	}
	keys, err := mapInts(filepath.Join(in, "fact"), "key")
	if err != nil {
		return err
	}
	amounts, err := mapInts(filepath.Join(in, "fact"), "amount")
	if err != nil {
		return err
	}
	sums := make([]regionSums, threads)
	err = eachRange(len(keys), threads, func(t, from, to int) error {
		sums[t] = dim.probe(keys[from:to], amounts[from:to])
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range sums[1:] {
		for r := range s {
			sums[0][r].n += s[r].n
			sums[0][r].amount += s[r].amount
		}
	}
	return writeResult(out, appendRegions([]byte("region,n,amount_sum\n"), regions, &sums[0]))
}

// regionSums is indexed by region code.
type regionSums [256]struct{ n, amount int64 }

// dimTable maps a key to its region's code by linear probing. Keys are not negative; emptyKey marks a free slot.
type dimTable struct {
	keys  []int64
	codes []byte
}

const emptyKey = -1

// buildDim returns the table and the region of each code.
func buildDim(dir string) (*dimTable, []string, error) {
	keys, err := mapInts(dir, "key")
	if err != nil {
		return nil, nil, err
	}
	names, err := mapStrings(dir, "region")
	if err != nil {
		return nil, nil, err
	}
	size := 64
	for size < 2*len(keys) {
		size *= 2
	}
	t := &dimTable{make([]int64, size), make([]byte, size)}
	for i := range t.keys {
		t.keys[i] = emptyKey
	}
	codes := map[string]byte{}
	var regions []string
	for row, key := range keys {
		code, ok := codes[string(names.at(row))]
		if !ok {
			if len(regions) == 256 {
				return nil, nil, errors.New("more than 256 regions")
			}
			code = byte(len(regions))
			regions = append(regions, string(names.at(row)))
			codes[regions[code]] = code
		}
		t.insert(key, code)
	}
	return t, regions, nil
}

// slot returns where key is or would be.
func (t *dimTable) slot(key int64) uint64 {
	mask := uint64(len(t.keys) - 1)
	i := (uint64(key) * 0x9e3779b97f4a7c15 >> 20) & mask
	for t.keys[i] != key && t.keys[i] != emptyKey {
		i = (i + 1) & mask
	}
	return i
}

func (t *dimTable) insert(key int64, code byte) {
	i := t.slot(key)
	t.keys[i], t.codes[i] = key, code
}

func (t *dimTable) probe(keys, amounts []int64) (sums regionSums) {
	for row, key := range keys {
		if i := t.slot(key); t.keys[i] == key {
			s := &sums[t.codes[i]]
			s.n++
			s.amount += amounts[row]
		}
	}
	return sums
}

func appendRegions(b []byte, regions []string, sums *regionSums) []byte {
	order := make([]int, 0, len(regions))
	for code := range regions {
		if sums[code].n > 0 {
			order = append(order, code)
		}
	}
	sort.Slice(order, func(i, j int) bool { return regions[order[i]] < regions[order[j]] })
	for _, code := range order {
		b = append(append(b, regions[code]...), ',')
		b = append(strconv.AppendInt(b, sums[code].n, 10), ',')
		b = append(strconv.AppendInt(b, sums[code].amount, 10), '\n')
	}
	return b
}
