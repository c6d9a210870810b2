package rows_test

import (
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/stream/rows"
)

// Programs whose stages give one record for each copy event times by the batch: over several batches, full outputs and selections.
func TestTimesOfSingles(t *testing.T) {
	half := rows.Program{Stages: []rows.Stage{rows.Map(func(v int64) int64 { return v / 2 })}, Tail: records[int64](t)}
	var values []int64
	for i := range int64(3 * columnar.DefaultRows / 2) {
		values = append(values, i)
	}
	all, some := numbers(values), numbers(values)
	want, wantTimes := []int64{}, []int64{}
	for _, v := range values {
		want, wantTimes = append(want, v/2), append(wantTimes, 10*v)
	}
	for i := int32(1); int(i) < len(values); i += 3 {
		some.Sel = append(some.Sel, i)
		want, wantTimes = append(want, values[i]/2), append(wantTimes, 10*values[i])
	}
	got, times, err := drive(t, half, []columnar.Batch{all, some})
	if err != nil || !slices.Equal(got, want) || !slices.Equal(times, wantTimes) {
		t.Fatalf("%d values and %d times, want %d; error %v", len(got), len(times), len(want), err)
	}
}
