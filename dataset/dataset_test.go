package dataset_test

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/runner/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Sale and Shop are the records of these tests.
type Sale struct {
	Shop   int64
	Item   string
	Amount int64
}

type Shop struct {
	ID   int64
	Name string
}

func sales(n int) []Sale {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]Sale, n)
	for i := range out {
		out[i] = Sale{Shop: r.Int64N(40), Item: fmt.Sprintf("item %d", r.IntN(n/4+1)), Amount: r.Int64N(1000) - 200}
	}
	return out
}

func shops() []Shop {
	var out []Shop
	for i := range int64(50) {
		if i%7 != 0 {
			out = append(out, Shop{i, fmt.Sprintf("shop %d", i)})
		}
	}
	return append(out, Shop{3, "another shop 3"})
}

// settings are the ways in which every job of these tests is run: its result must not depend on them.
func settings(t *testing.T) map[string]runner.Options {
	t.Helper()
	small := runner.Options{Parallelism: 2, Memory: 256 << 10, Scratch: t.TempDir()}
	damaged := runner.Options{Parallelism: 3, Memory: 256 << 10, Scratch: t.TempDir(), Attempts: 10}
	damaged.Probe = damager(3, damaged.Scratch)
	return map[string]runner.Options{
		"1 task":             {Parallelism: 1},
		"2 tasks":            {Parallelism: 2},
		"7 tasks":            {Parallelism: 7},
		"7 tasks, pipelined": {Parallelism: 7, Pipelined: true},
		"little memory":      small,
		"killed":             {Parallelism: 3, Probe: killer(1), Attempts: 10},
		"killed, pipelined":  {Parallelism: 3, Probe: killer(2), Attempts: 10, Pipelined: true},
		"damaged scratch":    damaged,
		"batches of 1":       {Parallelism: 2, BatchRows: 1},
		"batches of 7":       {Parallelism: 3, BatchRows: 7, Memory: 256 << 10, Scratch: t.TempDir(), Probe: killer(4), Attempts: 10},
		"never by broadcast": {Parallelism: 2, Broadcast: 1},
	}
}

var errKilled = errors.New("killed by the test")

// killer returns a probe that kills about one in two first attempts, each at a random turn of its loop.
func killer(seed uint64) func(control.Attempt) error {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 0))
	left := map[control.Attempt]int{}
	return func(a control.Attempt) error {
		mu.Lock()
		defer mu.Unlock()
		n, ok := left[a]
		if !ok {
			n = r.IntN(60)
		}
		left[a] = n - 1
		if n == 0 && a.Number < 2 {
			return errKilled
		}
		return nil
	}
}

// damager returns a probe that damages three of the scratch files below dir, at random turns.
func damager(seed uint64, dir string) func(control.Attempt) error {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 0))
	left, wait := 3, 0
	return func(control.Attempt) error {
		mu.Lock()
		defer mu.Unlock()
		if wait--; left == 0 || wait > 0 {
			return nil
		}
		wait = 1 + r.IntN(40)
		files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
		if err != nil || len(files) == 0 {
			return err
		}
		left--
		how := []func(string) error{flip, truncate, os.Remove}[r.IntN(3)]
		if err := how(files[r.IntN(len(files))]); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil // removed by its owner in between
	}
}

// check runs a job in all ways and compares what it collects.
func check[T any](t *testing.T, want []T, compare func(a, b T) int, build func(job *plan.Job) dataset.DataSet[T]) {
	t.Helper()
	want = slices.Clone(want)
	slices.SortFunc(want, compare)
	for name, o := range settings(t) {
		t.Run(name, func(t *testing.T) {
			got := run(t, o, build)
			slices.SortFunc(got, compare)
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("records differ (-want +got):\n%.3000s", diff)
			}
		})
	}
}

// run runs a job into a sink of its own and returns the records committed.
func run[T any](t *testing.T, o runner.Options, build func(job *plan.Job) dataset.DataSet[T]) []T {
	t.Helper()
	sink := &memorySink[T]{}
	if _, err := runner.Run(t.Context(), func(job *plan.Job) { dataset.Write(build(job), sink) }, o); err != nil {
		t.Fatal(err)
	}
	return sink.committed
}

// TestBatchRows checks that the setting by which all tests are run with small batches does what it says, behind sources, operators and exchanges.
func TestBatchRows(t *testing.T) {
	for _, most := range []int{1, 7, 8192} {
		for name, build := range map[string]func(d dataset.DataSet[int64]) dataset.DataSet[int64]{
			"source": func(d dataset.DataSet[int64]) dataset.DataSet[int64] { return d },
			"operator": func(d dataset.DataSet[int64]) dataset.DataSet[int64] {
				return dataset.Map(d, func(i int64) int64 { return -i })
			},
			"exchange": dataset.Distinct[int64],
		} {
			sink := &memorySink[int64]{}
			_, err := runner.Run(t.Context(), func(job *plan.Job) {
				dataset.Write(build(dataset.Generate(job, 20_000, func(i int64) int64 { return i })), sink)
			}, runner.Options{Parallelism: 1, BatchRows: most})
			if err != nil || sink.largest != most || len(sink.committed) != 20_000 {
				t.Errorf("%s: a batch of %d rows, %d records; %v", name, sink.largest, len(sink.committed), err)
			}
		}
	}
}

func compareSales(a, b Sale) int {
	return cmp.Or(cmp.Compare(a.Shop, b.Shop), cmp.Compare(a.Item, b.Item), cmp.Compare(a.Amount, b.Amount))
}

func TestMapFilter(t *testing.T) {
	in := sales(20000)
	var want []int64
	for _, s := range in {
		if s.Amount > 0 {
			want = append(want, s.Amount*2)
		}
	}
	check(t, want, cmp.Compare, func(job *plan.Job) dataset.DataSet[int64] {
		positive := dataset.Filter(dataset.FromSlice(job, in), func(s Sale) bool { return s.Amount > 0 })
		return dataset.Map(positive, func(s Sale) int64 { return 2 * s.Amount })
	})
}

func TestWhereSelect(t *testing.T) {
	in := sales(20000)
	type Cell struct{ Amount, Double int64 }
	var want []Cell
	for _, s := range in {
		if s.Amount > 0 && s.Shop < 10 {
			want = append(want, Cell{s.Amount, 2 * s.Amount})
		}
	}
	check(t, want, func(a, b Cell) int { return cmp.Compare(a.Amount, b.Amount) }, func(job *plan.Job) dataset.DataSet[Cell] {
		cheap := dataset.Where(dataset.FromSlice(job, in), expr.Col("amount").Gt(0).And(expr.Col("shop").Lt(10)))
		return dataset.Select[Cell](cheap, dataset.As("double", expr.Col("amount").Mul(2)), dataset.As("amount", expr.Col("amount")))
	})
}

func TestFlatMapCount(t *testing.T) {
	in := sales(20000)
	want := map[string]int64{}
	for _, s := range in {
		for w := range strings.FieldsSeq(s.Item) {
			want[w]++
		}
	}
	check(t, pairs(want), comparePairs[string, int64], func(job *plan.Job) dataset.DataSet[dataset.Keyed[string, int64]] {
		words := dataset.FlatMap(dataset.FromSlice(job, in), func(s Sale) iter.Seq[string] { return strings.FieldsSeq(s.Item) })
		return dataset.CountByKey(dataset.GroupBy(words, func(w string) string { return w }))
	})
}

func pairs[K cmp.Ordered, V any](m map[K]V) []dataset.Keyed[K, V] {
	var out []dataset.Keyed[K, V]
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, dataset.Keyed[K, V]{Key: k, Value: m[k]})
	}
	return out
}

func comparePairs[K cmp.Ordered, V cmp.Ordered](a, b dataset.Keyed[K, V]) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
}

func TestSummarize(t *testing.T) {
	in := sales(20000)
	type Total struct {
		Shop         int64
		Sum, N, Most int64
	}
	totals := map[int64]*Total{}
	for _, s := range in {
		x := totals[s.Shop]
		if x == nil {
			x = &Total{Shop: s.Shop, Most: s.Amount}
			totals[s.Shop] = x
		}
		x.Sum += s.Amount
		x.N++
		x.Most = max(x.Most, s.Amount)
	}
	var want []Total
	for _, x := range totals {
		want = append(want, *x)
	}
	check(t, want, func(a, b Total) int { return cmp.Compare(a.Shop, b.Shop) }, func(job *plan.Job) dataset.DataSet[Total] {
		byShop := dataset.GroupBy(dataset.FromSlice(job, in), func(s Sale) int64 { return s.Shop })
		return dataset.Summarize(byShop, func(k int64, r *Total) { r.Shop = k },
			agg.Into(func(r *Total) *int64 { return &r.Sum }, agg.Sum(func(s Sale) int64 { return s.Amount })),
			agg.Into(func(r *Total) *int64 { return &r.N }, agg.Count[Sale]()),
			agg.Into(func(r *Total) *int64 { return &r.Most }, agg.Max(func(s Sale) int64 { return s.Amount })))
	})
}

func TestAll(t *testing.T) {
	in := sales(20000)
	sum := int64(0)
	for _, s := range in {
		sum += s.Amount
	}
	check(t, []int64{sum}, cmp.Compare, func(job *plan.Job) dataset.DataSet[int64] {
		all := dataset.All(dataset.FromSlice(job, in))
		return dataset.Aggregate(all, agg.Sum(func(s Sale) int64 { return s.Amount }), func(_ struct{}, sum int64) int64 { return sum })
	})
}

func TestReduce(t *testing.T) {
	in := sales(20000)
	want := map[int64]int64{}
	for _, s := range in {
		want[s.Shop] += s.Amount
	}
	var folded []Sale
	for shop, sum := range want {
		folded = append(folded, Sale{Shop: shop, Amount: sum})
	}
	check(t, folded, compareSales, func(job *plan.Job) dataset.DataSet[Sale] {
		byShop := dataset.GroupBy(dataset.FromSlice(job, in), func(s Sale) int64 { return s.Shop })
		return dataset.Reduce(byShop, func(a, b Sale) Sale { return Sale{Shop: a.Shop, Amount: a.Amount + b.Amount} })
	})
}

func sums(in []Sale) map[int64]int64 {
	out := map[int64]int64{}
	for _, s := range in {
		out[s.Shop] += s.Amount
	}
	return out
}

func TestReduceGroup(t *testing.T) {
	in := sales(20000)
	check(t, pairs(sums(in)), comparePairs[int64, int64], func(job *plan.Job) dataset.DataSet[dataset.Keyed[int64, int64]] {
		byShop := dataset.GroupBy(dataset.FromSlice(job, in), func(s Sale) int64 { return s.Shop })
		return dataset.ReduceGroup(byShop, func(k int64, group iter.Seq[Sale]) iter.Seq[dataset.Keyed[int64, int64]] {
			return func(yield func(dataset.Keyed[int64, int64]) bool) {
				sum := int64(0)
				for s := range group {
					sum += s.Amount
				}
				yield(dataset.Keyed[int64, int64]{Key: k, Value: sum})
			}
		})
	})
}

func TestMapPartition(t *testing.T) {
	in := sales(20000)
	check(t, in, compareSales, func(job *plan.Job) dataset.DataSet[Sale] {
		return dataset.MapPartition(dataset.FromSlice(job, in), func(all iter.Seq[Sale]) iter.Seq[Sale] { return all })
	})
}

func TestDistinctUnionCount(t *testing.T) {
	in := sales(5000)
	distinct := map[Sale]bool{}
	for _, s := range in {
		distinct[s] = true
	}
	check(t, slices.Collect(maps.Keys(distinct)), compareSales, func(job *plan.Job) dataset.DataSet[Sale] {
		d := dataset.FromSlice(job, in)
		return dataset.Distinct(dataset.Union(d, dataset.FromSlice(job, in), d))
	})
	check(t, []int64{15000}, cmp.Compare, func(job *plan.Job) dataset.DataSet[int64] {
		d := dataset.FromSlice(job, in)
		return dataset.Count(dataset.Union(d, dataset.FromSlice(job, in), d))
	})
	check(t, []int64{0}, cmp.Compare, func(job *plan.Job) dataset.DataSet[int64] {
		return dataset.Count(dataset.FromSlice(job, []Sale(nil)))
	})
}

func TestFirst(t *testing.T) {
	for name, o := range settings(t) {
		t.Run(name, func(t *testing.T) {
			got := run(t, o, func(job *plan.Job) dataset.DataSet[Sale] {
				return dataset.First(dataset.FromSlice(job, sales(9000)), 17)
			})
			if len(got) != 17 {
				t.Errorf("%d records, want 17", len(got))
			}
		})
	}
}

func TestSort(t *testing.T) {
	in := sales(30000)
	want := slices.Clone(in)
	slices.SortFunc(want, func(a, b Sale) int { return -compareSales(a, b) })
	type key struct {
		Shop   int64
		Item   string
		Amount int64
	}
	for name, o := range settings(t) {
		t.Run(name, func(t *testing.T) {
			got := run(t, o, func(job *plan.Job) dataset.DataSet[Sale] {
				return dataset.Sort(dataset.FromSlice(job, in), func(s Sale) key { return key(s) }, dataset.Descending)
			})
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("order differs (-want +got):\n%.2000s", diff)
			}
		})
	}
}

// named is a joined row; a missing side is "-".
type named struct {
	Amount int64
	Item   string
	Shop   string
}

func compareNamed(a, b named) int {
	return cmp.Or(cmp.Compare(a.Shop, b.Shop), cmp.Compare(a.Item, b.Item), cmp.Compare(a.Amount, b.Amount))
}

func joined(s *Sale, p *Shop) named {
	n := named{Item: "-", Shop: "-"}
	if s != nil {
		n.Amount, n.Item = s.Amount, s.Item
	}
	if p != nil {
		n.Shop = p.Name
	}
	return n
}

// nestedLoop joins in the simplest way.
func nestedLoop(left []Sale, right []Shop, keepLeft, keepRight bool) []named {
	var out []named
	used := make([]bool, len(right))
	for i := range left {
		found := false
		for k := range right {
			if left[i].Shop == right[k].ID {
				out = append(out, joined(&left[i], &right[k]))
				found, used[k] = true, true
			}
		}
		if !found && keepLeft {
			out = append(out, joined(&left[i], nil))
		}
	}
	for k := range right {
		if !used[k] && keepRight {
			out = append(out, joined(nil, &right[k]))
		}
	}
	return out
}

func TestJoins(t *testing.T) {
	left, right := sales(3000), shops()
	leftKey, rightKey := func(s Sale) int64 { return s.Shop }, func(s Shop) int64 { return s.ID }
	both := func(job *plan.Job) (dataset.DataSet[Sale], dataset.DataSet[Shop]) {
		return dataset.FromSlice(job, left), dataset.FromSlice(job, right)
	}
	hints := map[string][]dataset.Hint{
		"auto": nil, "hash left": {dataset.HashLeft}, "hash right": {dataset.HashRight}, "sort-merge": {dataset.SortMerge},
	}
	for name, hint := range hints {
		t.Run("inner, "+name, func(t *testing.T) {
			check(t, nestedLoop(left, right, false, false), compareNamed, func(job *plan.Job) dataset.DataSet[named] {
				l, r := both(job)
				return dataset.Join(l, r, leftKey, rightKey, func(s Sale, p Shop) named { return joined(&s, &p) }, hint...)
			})
		})
		t.Run("left, "+name, func(t *testing.T) {
			check(t, nestedLoop(left, right, true, false), compareNamed, func(job *plan.Job) dataset.DataSet[named] {
				l, r := both(job)
				return dataset.LeftJoin(l, r, leftKey, rightKey, func(s Sale, p *Shop) named { return joined(&s, p) }, hint...)
			})
		})
		t.Run("right, "+name, func(t *testing.T) {
			check(t, nestedLoop(left, right, false, true), compareNamed, func(job *plan.Job) dataset.DataSet[named] {
				l, r := both(job)
				return dataset.RightJoin(l, r, leftKey, rightKey, func(s *Sale, p Shop) named { return joined(s, &p) }, hint...)
			})
		})
		t.Run("full, "+name, func(t *testing.T) {
			check(t, nestedLoop(left, right, true, true), compareNamed, func(job *plan.Job) dataset.DataSet[named] {
				l, r := both(job)
				return dataset.FullJoin(l, r, leftKey, rightKey, joined, hint...)
			})
		})
		t.Run("semi and anti, "+name, func(t *testing.T) {
			var semi, anti []Sale
			for _, s := range left {
				if slices.ContainsFunc(right, func(p Shop) bool { return p.ID == s.Shop }) {
					semi = append(semi, s)
				} else {
					anti = append(anti, s)
				}
			}
			check(t, semi, compareSales, func(job *plan.Job) dataset.DataSet[Sale] {
				l, r := both(job)
				return dataset.SemiJoin(l, r, leftKey, rightKey, hint...)
			})
			check(t, anti, compareSales, func(job *plan.Job) dataset.DataSet[Sale] {
				l, r := both(job)
				return dataset.AntiJoin(l, r, leftKey, rightKey, hint...)
			})
		})
	}
}

func TestCross(t *testing.T) {
	left, right := sales(90), shops()
	var want []named
	for i := range left {
		for k := range right {
			want = append(want, joined(&left[i], &right[k]))
		}
	}
	check(t, want, compareNamed, func(job *plan.Job) dataset.DataSet[named] {
		return dataset.Cross(dataset.FromSlice(job, left), dataset.FromSlice(job, right), func(s Sale, p Shop) named { return joined(&s, &p) })
	})
}

func TestPartition(t *testing.T) {
	in := sales(5000)
	check(t, in, compareSales, func(job *plan.Job) dataset.DataSet[Sale] {
		byHash := dataset.PartitionByHash(dataset.FromSlice(job, in), func(s Sale) string { return s.Item })
		byRange := dataset.PartitionByRange(byHash, func(s Sale) int64 { return s.Amount })
		byIndex := dataset.PartitionBy(byRange, func(s Sale) int32 { return int32(s.Shop) })
		return dataset.SortPartition(dataset.Rebalance(byIndex), func(s Sale) int64 { return s.Amount }, dataset.Ascending)
	})
}

func TestMistakesAreReportedTogether(t *testing.T) {
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		d := dataset.FromSlice(job, sales(10))
		grouped := dataset.GroupBy(d, func(s Sale) *int64 { return &s.Shop })
		dataset.Collect(dataset.CountByKey(grouped))
		dataset.Collect(dataset.Where(d, expr.Col("amont").Gt(3)))
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"dataset_test.go:", "GroupBy: key type *int64 is a pointer", `"amont"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q:\n%v", part, err)
		}
	}
}

func TestPanicNamesTheLine(t *testing.T) {
	none := int64(0)
	s, err := runner.Run(t.Context(), func(job *plan.Job) {
		d := dataset.FromSlice(job, sales(100))
		dataset.Collect(dataset.Map(d, func(s Sale) int64 { return s.Amount / none }))
	})
	if err == nil || !strings.Contains(err.Error(), "dataset_test.go:") || !strings.Contains(err.Error(), "Map") {
		t.Errorf("error %v", err)
	}
	if s.Retries != 0 {
		t.Errorf("a panic was tried again %d times", s.Retries)
	}
}
