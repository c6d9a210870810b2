package state_test

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/state/heap"
)

// Visits counts what a user looked at.
type Visits struct {
	Total state.Value[int64]       `state:"total"`
	Pages state.Map[string, int64] `state:"pages,ttl=24h"`
}

// See is what a processor does with a record; the key of the record is the current one.
func (v *Visits) See(page string) {
	total, _ := v.Total.Get()
	v.Total.Set(total + 1)
	n, _ := v.Pages.Get(page)
	v.Pages.Put(page, n+1)
}

func Example() {
	key := []columnar.Field{{Name: "user", Type: columnar.StringType}}
	store, err := heap.New(heap.Config{Keys: key, Groups: state.Share(0, 1, state.DefaultKeyGroups)})
	if err != nil {
		panic(err)
	}
	defer store.Close()
	visits := &Visits{}
	binding, err := state.Bind(visits, key, store)
	if err != nil {
		panic(err)
	}

	if err := store.Select(users("ann", "bob", "ann"), nil, 3); err != nil {
		panic(err)
	}
	for i, page := range []string{"/b", "/a", "/a"} {
		store.Use(i)
		visits.See(page)
	}
	store.Use(0) // ann
	total, _ := visits.Total.Get()
	fmt.Println(total, binding.Err())
	for page, n := range visits.Pages.All() {
		fmt.Println(page, n)
	}
	// Output:
	// 2 <nil>
	// /a 1
	// /b 1
}
