package aggregate_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/internal/testkit/batches"
	"github.com/millrace/millrace/operator/aggregate"
	"github.com/millrace/millrace/operator/optest"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// prefixes is what a rolling aggregate gives: of each row's key, the last group of the reference over the rows up to it.
func prefixes(b columnar.Batch, keys []int, out *columnar.Schema) []string {
	var want []string
	for i := range b.Len {
		same := columnar.Batch{Schema: b.Schema}
		for k := range b.Columns {
			same.Columns = append(same.Columns, b.Columns[k].Slice(0, i+1))
		}
		same.Len = i + 1
		picked := b.Project(b.Schema.Select(keys), keys)
		picked.Time, picked.Kind = nil, nil
		key := batches.RowText(picked, i)
		groups := reference(same, keys, out)
		heads := groups.Project(groups.Schema.Select([]int{0}), []int{0})
		for g := range groups.Len {
			if batches.RowText(heads, g) == key {
				groups.Time, groups.Kind = nil, nil
				want = append(want, batches.RowText(groups, g))
			}
		}
	}
	return want
}

func TestRolling(t *testing.T) {
	in := batches.Random(schema, 150, 5)
	in.Time, in.Kind = nil, nil
	for i := range columnar.Values[uint8](in.Columns[1]) {
		columnar.Values[uint8](in.Columns[1])[i] %= 5
	}
	keys := []int{1}
	optest.Run(t, optest.Case{
		New:     func() stream.Operator { return aggregate.NewRolling(keys, calls()) },
		Inputs:  []columnar.Batch{in},
		Schema:  output(keys, calls()),
		Want:    prefixes(in, keys, output(keys, calls())),
		Ordered: true,
		Memory:  256 << 10,
	})
}

// rollingInput is rows of few groups, in pieces.
func rollingInput(rows, groups int, seed uint64) columnar.Batch {
	in := batches.Random(schema, rows, seed)
	in.Time, in.Kind = nil, nil
	for i := range columnar.Values[uint8](in.Columns[1]) {
		columnar.Values[uint8](in.Columns[1])[i] %= uint8(groups)
	}
	return in
}

// Snapshots before every batch go on in another number of tasks as if nothing had been.
func TestRollingSnapshots(t *testing.T) {
	const piece = 10
	in := rollingInput(150, 17, 6)
	by := []int{1}
	want := prefixes(in, by, output(by, calls()))
	newOp := func() stream.Operator { return aggregate.NewRolling(by, calls()) }
	for at := 0; at < in.Len; at += piece {
		for _, tasks := range []int{1, 3} {
			k := optest.NewTask(t, newOp(), schema)
			for from := 0; from < at; from += piece {
				k.Push(0, in.Slice(from, piece))
			}
			got := optest.Rows(k.Out...)
			frozen := k.Snapshot()
			k.Push(0, in.Slice(at, piece)) // which frozen does not see
			next := optest.Restore(t, []state.Frozen{frozen}, newOp, tasks, schema)
			for from := at; from < in.Len; from += piece {
				for _, k := range next {
					k.Push(0, ofTask(k, in.Slice(from, piece), by[0]))
				}
			}
			for _, k := range next {
				got = append(got, optest.Rows(k.Out...)...)
			}
			optest.CompareSets(t, got, want)
		}
	}
}

// ofTask returns the rows of b whose key a task owns.
func ofTask(k *optest.Task, b columnar.Batch, key int) columnar.Batch {
	hashes := make([]uint64, b.Len)
	keys.Hash(b.Columns[key:key+1], nil, b.Len, hashes)
	b.Sel = []int32{}
	for i, h := range hashes {
		if k.Env.Groups.Has(k.Env.Groups.Of(h)) {
			b.Sel = append(b.Sel, int32(i))
		}
	}
	return b
}

// wide is keys of many groups, and a value.
var wide = columnar.NewSchema(columnar.Field{Name: "k", Type: columnar.Int64Type}, columnar.Field{Name: "v", Type: columnar.Int64Type})

func wideBatch(from, n int, v int64) columnar.Batch {
	b := columnar.NewBatchBuilder(wide, n)
	for i := range n {
		columnar.AppendFixed(b.Column(0), int64(from+i))
		columnar.AppendFixed(b.Column(1), v)
	}
	b.Added(n)
	return b.Finish()
}

// While one goroutine reads a snapshot the task goes on; what is read is what was.
func TestRollingSnapshotWhileRunning(t *testing.T) {
	const groups = 50000
	sum, err := agg.SumOf(columnar.Int64Type)
	if err != nil {
		t.Fatal(err)
	}
	op := aggregate.NewRolling([]int{0}, []aggregate.Call{{Function: sum, Inputs: []int{1}}})
	k := optest.NewTask(t, op, wide)
	posted := make(chan func(stream.Output) error)
	ended := make(chan struct{})
	k.Env.Post = func(f func(stream.Output) error) bool {
		select {
		case posted <- f:
			return true
		case <-ended:
			return false
		}
	}
	for from := 0; from < groups; from += 1000 {
		k.Push(0, wideBatch(from, 1000, 1))
	}
	for round := range int64(3) {
		frozen, done := k.Snapshot(), make(chan error)
		go func() { done <- checkSums(t.Context(), frozen, groups, 1+round) }() // ends when it has read everything
		for from := 0; from < groups; from += 1000 {
			k.Push(0, wideBatch(from, 1000, 1))
			k.Push(0, wideBatch(groups+from, 1, 1)) // a new group
			select {
			case f := <-posted:
				must0(t, k.Try(f))
			default:
			}
		}
		for going := true; going; {
			select {
			case f := <-posted:
				must0(t, k.Try(f))
			case err := <-done:
				must0(t, err)
				going = false
			}
		}
		frozen.Release()
	}
	last := k.Snapshot()
	close(ended)
	if err := op.Close(); err != nil {
		t.Fatal(err)
	}
	if err := checkSums(t.Context(), last, groups, 4); err != nil {
		t.Errorf("after the end: %v", err)
	}
}

func must0(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkSums reads a snapshot in which each of the first groups has that sum.
func checkSums(ctx context.Context, f state.Frozen, groups int, sum int64) error {
	n, group := 0, -1
	for rows, err := range f.Read(ctx, 0) {
		if err != nil {
			return err
		}
		if rows.Group < group {
			return fmt.Errorf("key group %d comes after %d", rows.Group, group)
		}
		group = rows.Group
		k, v := columnar.Values[int64](rows.Batch.Columns[0]), columnar.Values[int64](rows.Batch.Columns[1])
		for i := range rows.Batch.Rows() {
			if k[i] >= int64(groups) {
				continue
			}
			if n++; v[i] != sum {
				return fmt.Errorf("group %d has the sum %d, want %d", k[i], v[i], sum)
			}
		}
	}
	if n != groups {
		return fmt.Errorf("%d groups, want %d", n, groups)
	}
	return nil
}
