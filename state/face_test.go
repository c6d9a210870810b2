package state_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
)

type visit struct {
	Page string
	At   time.Time
	N    int32
	Tags []string
}

type processor struct {
	Seen  state.Value[int64] `state:"seen,ttl=24h,was=old"`
	Last  state.Value[visit] `state:"last"`
	Items state.List[string] `state:"items"`
	Pages state.Map[int, visit]
	Best  state.Reducing[int64]           `state:"best"`
	Mean  state.Aggregating[int, float64] `state:"mean"`
	note  string
}

type sum struct{ Total, N int64 }

func newProcessor() *processor {
	return &processor{
		Best: state.Reducing[int64]{Reduce: func(a, b int64) int64 { return max(a, b) }},
		Mean: state.Aggregated(func(s *sum, v int) { s.Total += int64(v); s.N++ }, func(s sum) float64 { return float64(s.Total) / float64(s.N) }),
		note: "not a state",
	}
}

var userKey = []columnar.Field{{Name: "user", Type: columnar.StringType}}

func users(names ...string) []columnar.Column {
	b := columnar.NewBuilder(columnar.StringType, len(names))
	for _, n := range names {
		b.AppendString(n)
	}
	return []columnar.Column{b.Finish()}
}

func TestTypedStates(t *testing.T) {
	s, err := heap.New(heap.Config{Keys: userKey, Groups: state.Share(0, 1, 16)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := newProcessor()
	b, err := state.Bind(p, userKey, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Select(users("ann", "bob"), nil, 2); err != nil {
		t.Fatal(err)
	}
	at := time.UnixMicro(1234567).UTC()
	s.Use(0)
	p.Seen.Set(7)
	p.Last.Set(visit{"/a", at, 3, []string{"x", "y"}})
	p.Items.Add("one", "two")
	p.Items.Add("three")
	for _, k := range []int{300, -5, 2} {
		p.Pages.Put(k, visit{N: int32(k)})
	}
	for _, v := range []int64{3, 9, 4} {
		p.Best.Add(v)
		p.Mean.Add(int(v))
	}
	s.Use(1)
	if _, ok := p.Seen.Get(); ok {
		t.Error("bob has ann's value")
	}
	p.Items.Set("other")
	s.Use(0)
	if v, ok := p.Seen.Get(); v != 7 || !ok {
		t.Errorf("got %d, %v", v, ok)
	}
	if v, _ := p.Last.Get(); !cmp.Equal(v, visit{"/a", at, 3, []string{"x", "y"}}) {
		t.Errorf("got %+v", v)
	}
	if got := slices.Collect(p.Items.All()); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("got %q", got)
	}
	if p.Pages.Len() != 3 {
		t.Errorf("%d pages", p.Pages.Len())
	}
	var order []int
	for k := range p.Pages.All() {
		order = append(order, k)
		p.Pages.Delete(k)
	}
	if !slices.Equal(order, []int{-5, 2, 300}) || len(maps.Collect(p.Pages.All())) != 0 {
		t.Errorf("keys in order %v", order)
	}
	if v, _ := p.Best.Get(); v != 9 {
		t.Errorf("best %d", v)
	}
	if v, _ := p.Mean.Get(); v != 16.0/3 {
		t.Errorf("mean %v", v)
	}
	p.Best.Clear()
	if _, ok := p.Best.Get(); ok {
		t.Error("a cleared state has a value")
	}
	if b.Err() != nil {
		t.Error(b.Err())
	}
}

func TestDeclared(t *testing.T) {
	tables, err := state.Declared(newProcessor(), userKey)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, table := range tables {
		got = append(got, table.Name+" "+table.Kind+" "+strings.Join(table.Schema().Names(), ","))
	}
	want := []string{
		"seen value user,value,written_at",
		"last value user,page,at,n,tags",
		"items list user,position,value",
		"pages map user,map_key,page,at,n,tags",
		"best reducing user,value",
		"mean aggregating user,total,n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if tables[0].TTL != 24*time.Hour || tables[0].Was != "old" {
		t.Errorf("got %+v", tables[0])
	}
}

func TestDeclaredRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		p    any
		want string
	}{
		"type":       {&struct{ A state.Value[chan int] }{}, "A (state.Value[chan int])"},
		"map key":    {&struct{ A state.Map[float64, int] }{}, "float64"},
		"unexported": {&struct{ a state.Value[int] }{}, "is not exported"},
		"pointer":    {&struct{ A *state.Value[int] }{}, "is a pointer"},
		"tag": {&struct {
			A state.Value[int] `state:"a,tll=3h"`
		}{}, "unknown"},
		"ttl": {&struct {
			A state.Value[int] `state:"a,ttl=3"`
		}{}, "not a duration"},
		"same name": {&struct {
			A state.Value[int] `state:"x"`
			B state.Value[int] `state:"x"`
		}{}, `both are the state "x"`},
		"no state": {&struct {
			A int `state:"x"`
		}{}, "is no state"},
		"no function": {&struct{ A state.Reducing[int] }{}, "Reduce is nil"},
		"not made":    {&struct{ A state.Aggregating[int, int] }{}, "state.Aggregated"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := state.Declared(test.p, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want something with %q", err, test.want)
			}
		})
	}
}
