package main

import (
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

const (
	saltFactKey = 0x21 << 40
	saltAmount  = 0x22 << 40
	saltRegion  = 0x23 << 40
)

// regions are the values of the dimension's attribute that the join sums by.
var regions = []string{
	"Aberdeen", "Bergen", "Cadiz", "Dunedin", "Esbjerg", "Funchal", "Gdansk", "Hobart", "Izmir",
	"Jakarta", "Kisumu", "Lagos", "Maputo", "Nantes", "Oulu", "Porto", "Quito", "Rotterdam", "Split",
	"Tartu", "Utrecht", "Valletta", "Windhoek", "Yokohama", "Zanzibar",
}

// writeStar writes a fact table and a dimension a tenth of its size into dir/fact and dir/dim:
//
//	fact  key int64, amount int64 (1 to 100,000)
//	dim   key int64, each once, in no order; region string, one of 25
//
// One fact in eleven has a key that the dimension lacks.
func writeStar(dir string, rows int64) error {
	dims := rows / 10
	fact, dim := filepath.Join(dir, "fact"), filepath.Join(dir, "dim")
	domain := int(dims + dims/10)
	var g errgroup.Group
	g.SetLimit(writers)
	g.Go(func() error {
		return writeInts(fact, "key", rows, func(row int64) int64 { return spread(int64(newRNG(row, saltFactKey).intn(domain))) })
	})
	g.Go(func() error {
		return writeInts(fact, "amount", rows, func(row int64) int64 { return 1 + int64(newRNG(row, saltAmount).intn(100_000)) })
	})
	g.Go(func() error { return writeInts(dim, "key", dims, spread) })
	g.Go(func() error {
		return writeStrings(dim, "region", dims, func(b []byte, row int64) []byte {
			return append(b, newRNG(row, saltRegion).pick(regions)...)
		})
	})
	return g.Wait()
}
