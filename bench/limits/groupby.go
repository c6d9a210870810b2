package main

import (
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
)

const (
	blockRows  = 1024 // rows hashed at a time
	partitions = 256  // of the many-groups plan: 1 M groups make tables of about 400 KB, which fit the L2 cache
)

// groupInput is what both plans read.
type groupInput[K comparable] struct {
	rows   int
	v1     []int64
	v2     []float64
	load   func(keys []K, row int)         // fills keys with those from row on
	hash   func(hashes []uint64, keys []K) // fills hashes with those of keys
	append func(text []byte, key K) []byte
}

// groupRow is a row on its way to its partition.
type groupRow[K comparable] struct {
	key K
	v1  int64
	v2  float64
}

// A groupPlan says which of the two ways of grouping to take.
type groupPlan int

const (
	groupFew  groupPlan = iota // a table for each thread, merged in the end
	groupMany                  // rows partitioned by hash, then a table for each partition in turn
)

func groupByInt(column string, plan groupPlan) job {
	return func(in, out string, threads int) error {
		column, err := mapInts(in, column)
		if err != nil {
			return err
		}
		return groupBy(in, out, groupInput[int64]{
			rows:   len(column),
			load:   func(keys []int64, row int) { copy(keys, column[row:]) },
			hash:   hashInts,
			append: func(text []byte, key int64) []byte { return strconv.AppendInt(text, key, 10) },
		}, plan, threads)
	}
}

func groupByString(column string, plan groupPlan) job {
	return func(in, out string, threads int) error {
		column, err := mapStrings(in, column)
		if err != nil {
			return err
		}
		load := func(keys []shortString, row int) {
			for i := range keys {
				keys[i] = pack(column.at(row + i))
			}
		}
		input := groupInput[shortString]{rows: column.len(), load: load, hash: hashShorts, append: appendShort}
		return groupBy(in, out, input, plan, threads)
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

// eachBlock calls visit with the keys and hashes of up to 1024 rows from row on, valid during the call.
func (in *groupInput[K]) eachBlock(from, to int, visit func(row int, keys []K, hashes []uint64)) {
	keys, hashes := make([]K, blockRows), make([]uint64, blockRows)
	for ; from < to; from += blockRows {
		n := min(blockRows, to-from)
		in.load(keys[:n], from)
		in.hash(hashes[:n], keys[:n])
		visit(from, keys[:n], hashes[:n])
	}
}

// direct groups each thread's rows in a table of its own and merges the tables.
func (in *groupInput[K]) direct(out string, threads int) error {
	tables := make([]*groupTable[K], threads)
	err := eachRange(in.rows, threads, func(thread, from, to int) error {
		t := newGroupTable[K](2000)
		in.eachBlock(from, to, func(row int, keys []K, hashes []uint64) {
			for i, h := range hashes {
				t.add(&group[K]{keys[i], h, 1, in.v1[row+i], in.v2[row+i]})
			}
		})
		tables[thread] = t
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range tables[1:] {
		tables[0].merge(t)
	}
	return writeResult(out, in.appendTable(nil, tables[0]))
}

// partitioned first copies the rows to one of 256 buffers by the upper bits of their hash, then groups
// buffer by buffer, so that every table fits the cache (Manegold, Boncz, Kersten 2002).
func (in *groupInput[K]) partitioned(out string, threads int) error {
	buffers := make([][][]groupRow[K], threads) // by thread, then partition
	err := eachRange(in.rows, threads, func(thread, from, to int) (err error) {
		buffers[thread], err = in.partition(from, to)
		return err
	})
	if err != nil {
		return err
	}
	var next partitionQueue
	return eachRange(threads, threads, func(thread, _, _ int) error {
		return writePart(out, thread, func(w io.Writer) error {
			return in.groupPartitions(w, &next, buffers)
		})
	})
}

// partition returns the rows from from on by partition.
func (in *groupInput[K]) partition(from, to int) ([][]groupRow[K], error) {
	room := (to-from)/partitions*17/16 + 64 // the partitions differ by a few percent; append makes up for more
	memory, err := hugeSlice[groupRow[K]](partitions * room)
	if err != nil {
		return nil, err
	}
	buffers := make([][]groupRow[K], partitions)
	for p := range buffers {
		buffers[p] = memory[p*room : p*room : (p+1)*room]
	}
	in.eachBlock(from, to, func(row int, keys []K, hashes []uint64) {
		for i, h := range hashes {
			p := h >> 56
			buffers[p] = append(buffers[p], groupRow[K]{keys[i], in.v1[row+i], in.v2[row+i]})
		}
	})
	return buffers, nil
}

// partitionQueue deals out partitions to threads.
type partitionQueue struct{ atomic.Int64 }

func (q *partitionQueue) next() (partition int, ok bool) {
	p := int(q.Add(1)) - 1
	return p, p < partitions
}

// groupPartitions groups partition after partition of all threads' buffers and writes the groups.
func (in *groupInput[K]) groupPartitions(w io.Writer, queue *partitionQueue, buffers [][][]groupRow[K]) error {
	t := newGroupTable[K](in.rows / partitions / 4)
	var text []byte
	for p, ok := queue.next(); ok; p, ok = queue.next() {
		t.reset()
		for _, b := range buffers {
			in.addRows(t, b[p])
		}
		text = in.appendTable(text[:0], t)
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}

func (in *groupInput[K]) addRows(t *groupTable[K], rows []groupRow[K]) {
	var keys [blockRows]K
	var hashes [blockRows]uint64
	for len(rows) > 0 {
		n := min(blockRows, len(rows))
		for i := range n {
			keys[i] = rows[i].key
		}
		in.hash(hashes[:n], keys[:n])
		for i, h := range hashes[:n] {
			t.add(&group[K]{keys[i], h, 1, rows[i].v1, rows[i].v2})
		}
		rows = rows[n:]
	}
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

func hashInts(hashes []uint64, keys []int64) {
	for i, k := range keys {
		hashes[i] = mix(uint64(k))
	}
}

func hashShorts(hashes []uint64, keys []shortString) {
	for i := range keys {
		hashes[i] = keys[i].hash()
	}
}

// mix is SplitMix64's output function.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
