package dataset_test

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

var errOdd = errors.New("the amount is odd")

func halve(s Sale) (int64, error) {
	if s.Amount%2 != 0 {
		return 0, errOdd
	}
	return s.Amount / 2, nil
}

func TestParse(t *testing.T) {
	in := sales(20000)
	var want []int64
	for _, s := range in {
		if h, err := halve(s); err == nil && h%5 != 0 {
			want = append(want, h)
		}
	}
	check(t, want, cmp.Compare, func(job *plan.Job) dataset.DataSet[int64] {
		halves := dataset.Parse(dataset.FromSlice(job, in), halve, onbad.Skip(-1))
		return dataset.Parse(halves, func(h int64) (int64, error) {
			if h%5 == 0 {
				return 0, errors.New("the half is a multiple of five")
			}
			return h, nil
		}, onbad.Skip(-1))
	})
}

// Two Parses next to each other keep their own policies, and what is refused is counted for each.
func TestParsePolicies(t *testing.T) {
	in := sales(1000)
	odd := int64(0)
	for _, s := range in {
		if s.Amount%2 != 0 {
			odd++
		}
	}
	parsed := func(first, second onbad.Policy) (*runner.Summary, error) {
		return runner.Run(t.Context(), func(job *plan.Job) {
			halves := dataset.Parse(dataset.Map(dataset.FromSlice(job, in), func(s Sale) Sale { return s }), halve, first)
			texts := dataset.Map(halves, func(h int64) string { return strconv.FormatInt(h, 10) })
			dataset.Collect(dataset.Parse(texts, func(text string) (int64, error) {
				if strings.HasSuffix(text, "7") {
					return 0, errors.New("it ends in 7")
				}
				return strconv.ParseInt(text, 10, 64)
			}, second))
		}, runner.Options{Parallelism: 2})
	}
	s, err := parsed(onbad.Skip(odd), onbad.Skip(-1))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Bad) != 2 || s.Bad[0].Records != odd {
		t.Errorf("bad records: %+v", s.Bad)
	}
	for name, c := range map[string]struct {
		first, second onbad.Policy
		text          string
	}{
		"fails":          {onbad.Fail(), onbad.Skip(-1), "the amount is odd"},
		"second fails":   {onbad.Skip(-1), onbad.Fail(), "it ends in 7"},
		"too many":       {onbad.Skip(odd - 1), onbad.Skip(-1), fmt.Sprintf("%d bad records; the limit is %d", odd, odd-1)},
		"too many, part": {onbad.SkipShare(float64(odd-1) / 1000), onbad.Skip(-1), fmt.Sprintf("%d of 1000 records are bad", odd)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parsed(c.first, c.second)
			if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "more_test.go:") {
				t.Errorf("error %v, want %q", err, c.text)
			}
		})
	}
	if _, err := parsed(onbad.SkipShare(float64(odd+1)/1000), onbad.Skip(-1)); err != nil {
		t.Error(err)
	}
}

func TestCoGroup(t *testing.T) {
	left, right := sales(6000), shops()
	type group struct {
		Shop  int64
		Sales int
		Sum   int64
		Names string
	}
	result := func(shop int64, ss []Sale, ps []Shop) group {
		g := group{Shop: shop, Sales: len(ss)}
		for _, s := range ss {
			g.Sum += s.Amount
		}
		var names []string
		for _, p := range ps {
			names = append(names, p.Name)
		}
		slices.Sort(names)
		g.Names = strings.Join(names, ",")
		return g
	}
	bySale, byShop, keys := map[int64][]Sale{}, map[int64][]Shop{}, map[int64]bool{}
	for _, s := range left {
		bySale[s.Shop] = append(bySale[s.Shop], s)
		keys[s.Shop] = true
	}
	for _, p := range right {
		byShop[p.ID] = append(byShop[p.ID], p)
		keys[p.ID] = true
	}
	var want []group
	for k := range keys {
		want = append(want, result(k, bySale[k], byShop[k]))
	}
	check(t, want, func(a, b group) int { return cmp.Compare(a.Shop, b.Shop) }, func(job *plan.Job) dataset.DataSet[group] {
		return dataset.CoGroup(dataset.FromSlice(job, left), dataset.FromSlice(job, right),
			func(s Sale) int64 { return s.Shop }, func(p Shop) int64 { return p.ID },
			func(k int64, ss []Sale, ps []Shop) iter.Seq[group] {
				return func(yield func(group) bool) { yield(result(k, ss, ps)) }
			})
	})
}

func TestWithBroadcast(t *testing.T) {
	in, side := sales(20000), shops()
	price := func(s Sale, shops []Shop) named {
		n := named{Amount: s.Amount + int64(len(shops)), Item: s.Item, Shop: "-"}
		for _, p := range shops {
			if p.ID == s.Shop && (n.Shop == "-" || p.Name < n.Shop) {
				n.Shop = p.Name
			}
		}
		return n
	}
	var want []named
	for _, s := range in {
		want = append(want, price(s, side))
	}
	check(t, want, compareNamed, func(job *plan.Job) dataset.DataSet[named] {
		return dataset.WithBroadcast(dataset.FromSlice(job, in), dataset.FromSlice(job, side), price)
	})
	check(t, []int{0, 0, 0}, cmp.Compare, func(job *plan.Job) dataset.DataSet[int] {
		return dataset.WithBroadcast(dataset.FromSlice(job, in[:3]), dataset.FromSlice(job, side[:0]),
			func(_ Sale, shops []Shop) int { return len(shops) })
	})
}

// The side is made of the very data set that it is broadcast to.
func TestWithBroadcastOfItself(t *testing.T) {
	in := sales(2000)
	sum := int64(0)
	for _, s := range in {
		sum += s.Amount
	}
	var want []int64
	for _, s := range in {
		want = append(want, sum-s.Amount)
	}
	check(t, want, cmp.Compare, func(job *plan.Job) dataset.DataSet[int64] {
		d := dataset.FromSlice(job, in)
		all := dataset.GroupBy(d, func(Sale) bool { return true })
		total := dataset.Aggregate(all, agg.Sum(func(s Sale) int64 { return s.Amount }), func(_ bool, sum int64) int64 { return sum })
		return dataset.WithBroadcast(d, total, func(s Sale, total []int64) int64 { return total[0] - s.Amount })
	})
}

func TestCounters(t *testing.T) {
	in := sales(5000)
	want := int64(0)
	for _, s := range in {
		if s.Amount < 0 {
			want++
		}
	}
	s, err := runner.Run(t.Context(), func(job *plan.Job) {
		negative, never := job.Counter("negative"), job.Counter("never")
		dataset.Collect(dataset.Filter(dataset.FromSlice(job, in), func(s Sale) bool {
			if s.Amount < 0 {
				negative.Add(1)
			}
			if s.Shop < 0 {
				never.Add(1)
			}
			return s.Amount > 0
		}))
		if job.Counter("negative") != negative {
			t.Error("two counters of one name")
		}
	}, runner.Options{Parallelism: 3})
	if err != nil {
		t.Fatal(err)
	}
	if s.Counters["negative"] != want || len(s.Counters) != 2 || s.Counters["never"] != 0 {
		t.Errorf("counters %v, want negative %d and never 0", s.Counters, want)
	}
}

// The left side goes to the tasks of the right one, whatever these do before.
func TestBroadcastLeft(t *testing.T) {
	left, right := shops(), sales(3000)
	var want []named
	for _, s := range right {
		for _, p := range left {
			if p.ID == s.Shop && s.Amount > 0 {
				want = append(want, joined(&s, &p))
			}
		}
	}
	twice := slices.Concat(want, want)
	join := func(job *plan.Job, sold dataset.DataSet[Sale], hint dataset.Hint) dataset.DataSet[named] {
		return dataset.Join(dataset.FromSlice(job, left), sold, func(p Shop) int64 { return p.ID }, func(s Sale) int64 { return s.Shop },
			func(p Shop, s Sale) named { return joined(&s, &p) }, hint)
	}
	for _, hint := range []dataset.Hint{dataset.BroadcastLeft, dataset.HashLeft} {
		t.Run(hint.String(), func(t *testing.T) {
			check(t, want, compareNamed, func(job *plan.Job) dataset.DataSet[named] {
				return join(job, dataset.Where(dataset.FromSlice(job, right), expr.Col("amount").Gt(0)), hint)
			})
		})
		t.Run(hint.String()+" of a union", func(t *testing.T) {
			check(t, twice, compareNamed, func(job *plan.Job) dataset.DataSet[named] {
				sold := dataset.Where(dataset.FromSlice(job, right), expr.Col("amount").Gt(0))
				return join(job, dataset.Union(sold, sold), hint)
			})
		})
	}
}
