package kept_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/internal/kept"
	"github.com/millrace/millrace/internal/testkit/batches"
)

func TestRowsKeepOrderAndCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := batches.Schema(t, 3)
		account := budget.New(1 << 30).Account("rows")
		rows := kept.New(schema, account, 16)
		var want []string
		for range rapid.IntRange(0, 5).Draw(t, "batches") {
			b := batches.Batch(t, schema, rapid.SampledFrom([]int{3, 4000}).Draw(t, "most"))
			want = append(want, batches.Text(b)...)
			if !rows.TryAdd(b) {
				t.Fatal("refused")
			}
		}
		var got []string
		size := int64(16 * len(want))
		for _, b := range rows.Batches() {
			got = append(got, batches.Text(b)...)
			size += int64(b.Size())
		}
		if !slices.Equal(got, want) || rows.Len() != len(want) {
			t.Fatalf("%d rows came back otherwise than %d went in", len(got), len(want))
		}
		if len(rows.Batches()) > 0 && account.Used() != rows.Held() {
			t.Fatalf("%d bytes counted of %d held", account.Used(), rows.Held())
		}
		if rows.Free(); account.Used() != 0 {
			t.Fatalf("%d bytes left", account.Used())
		}
	})
}

func TestRowsRefused(t *testing.T) {
	schema := columnar.NewSchema(columnar.Field{Name: "n", Type: columnar.Int64Type})
	b := batches.Random(schema, 100, 1)
	b.Time, b.Kind = nil, nil
	account := budget.New(1000).Account("rows")
	rows := kept.New(schema, account, 0)
	if !rows.TryAdd(b) || rows.TryAdd(b) {
		t.Error("want one batch of 800 bytes to fit 1000")
	}
	if rows.Add(b); rows.Len() != 200 || account.Used() != 1600 {
		t.Errorf("forced: %d rows in %d bytes", rows.Len(), account.Used())
	}
}
