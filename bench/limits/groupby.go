package main

import (
	"fmt"
	"strconv"
)

const (
	blockRows  = 1024 // rows hashed at a time
	partitions = 256  // of the many-groups plan: 1 M groups make tables of about 400 KB, which fit the L2 cache
)

// groupInput is what both plans read. load fills keys and hashes with the rows from row on.
type groupInput[K comparable] struct {
	rows   int
	v1     []int64
	v2     []float64
	load   func(row int, keys []K, hashes []uint64)
	append func(b []byte, key K) []byte // the key as text
}

// A groupPlan says which of the two ways of grouping to take.
type groupPlan int

const (
	groupFew  groupPlan = iota // a table for each thread, merged in the end
	groupMany                  // rows partitioned by hash, then a table for each partition in turn
)

func groupByInt(column string, plan groupPlan) job {
	return func(in, out string, threads int) error {
		keys, err := mapInts(in, column)
		if err != nil {
			return err
		}
		load := func(row int, dst []int64, hashes []uint64) {
			copy(dst, keys[row:])
			for i, k := range dst {
				hashes[i] = mix(uint64(k))
			}
		}
		text := func(b []byte, key int64) []byte { return strconv.AppendInt(b, key, 10) }
		return groupBy(in, out, groupInput[int64]{rows: len(keys), load: load, append: text}, plan, threads)
	}
}

func groupByString(column string, plan groupPlan) job {
	return func(in, out string, threads int) error {
		keys, err := mapStrings(in, column)
		if err != nil {
			return err
		}
		load := func(row int, dst []shortString, hashes []uint64) {
			for i := range dst {
				dst[i] = pack(keys.at(row + i))
				hashes[i] = dst[i].hash()
			}
		}
		return groupBy(in, out, groupInput[shortString]{rows: keys.len(), load: load, append: appendShort}, plan, threads)
	}
}

func groupBy[K comparable](in, out string, input groupInput[K], plan groupPlan, threads int) (err error) {
	if input.v1, err = mapInts(in, "v1"); err != nil {
		return err
	}
	if input.v2, err = mapFloats(in, "v2"); err != nil {
		return err
	}
	if len(input.v1) != input.rows || len(input.v2) != input.rows {
		return fmt.Errorf("columns of %d, %d and %d rows", input.rows, len(input.v1), len(input.v2))
	}
	if plan == groupMany {
		return input.partitioned(out, threads)
	}
	return input.direct(out, threads)
}

// each calls visit for rows from to to-1, each as a group of one; the group is valid during the call.
func (in *groupInput[K]) each(from, to int, visit func(*group[K])) {
	var keys [blockRows]K
	var hashes [blockRows]uint64
	for ; from < to; from += blockRows {
		n := min(blockRows, to-from)
		in.load(from, keys[:n], hashes[:n])
		for i := range n {
			visit(&group[K]{keys[i], hashes[i], 1, in.v1[from+i], in.v2[from+i]})
		}
	}
}

// direct groups each thread's rows in a table of its own and merges the tables.
func (in *groupInput[K]) direct(out string, threads int) error {
	tables := make([]*groupTable[K], threads)
	err := eachRange(in.rows, threads, func(t, from, to int) error {
		tables[t] = newGroupTable[K](2000)
		in.each(from, to, tables[t].add)
		return nil
	})
	for _, t := range tables[1:] {
		for i := range t.slots {
			if t.slots[i].n > 0 {
				tables[0].add(&t.slots[i])
			}
		}
	}
	if err != nil {
		return err
	}
	return writeResult(out, 0, in.appendTable(nil, tables[0]))
}

// partitioned first copies the rows to one of 256 buffers by the upper bits of their hash, then groups
// buffer by buffer, so that every table fits the cache (Manegold, Boncz, Kersten 2002).
func (in *groupInput[K]) partitioned(out string, threads int) error {
	buffers := make([][][]group[K], threads) // by thread, then partition
	err := eachRange(in.rows, threads, func(t, from, to int) error {
		buffers[t] = in.partition(from, to)
		return nil
	})
	if err != nil {
		return err
	}
	texts := make([][]byte, threads)
	tables := make([]*groupTable[K], threads)
	for t := range tables {
		tables[t] = newGroupTable[K](64)
	}
	err = eachItem(partitions, threads, func(t, p int) error {
		tables[t].reset()
		for _, b := range buffers {
			for i := range b[p] {
				tables[t].add(&b[p][i])
			}
		}
		texts[t] = in.appendTable(texts[t], tables[t])
		return nil
	})
	if err != nil {
		return err
	}
	return eachItem(threads, threads, func(_, k int) error { return writeResult(out, k, texts[k]) })
}

func (in *groupInput[K]) partition(from, to int) [][]group[K] {
	buffers := make([][]group[K], partitions)
	room := (to - from) / partitions * 17 / 16 // the partitions differ by a few percent
	for p := range buffers {
		buffers[p] = make([]group[K], 0, room)
	}
	in.each(from, to, func(g *group[K]) {
		p := g.hash >> 56
		buffers[p] = append(buffers[p], *g)
	})
	return buffers
}

// appendTable appends a line "key,count,sum(v1),avg(v2)" for each group.
func (in *groupInput[K]) appendTable(b []byte, t *groupTable[K]) []byte {
	for i := range t.slots {
		s := &t.slots[i]
		if s.n == 0 {
			continue
		}
		b = append(in.append(b, s.key), ',')
		b = append(strconv.AppendInt(b, s.n, 10), ',')
		b = append(strconv.AppendInt(b, s.v1, 10), ',')
		b = append(strconv.AppendFloat(b, s.v2/float64(s.n), 'g', -1, 64), '\n')
	}
	return b
}

// mix is SplitMix64's output function.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
