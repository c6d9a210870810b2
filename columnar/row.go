package columnar

import "fmt"

// Row is a record whose schema is known only at run time: the element type of data sets that are not declared as a Go struct.
//
// Values holds one entry a field: nil for null, else bool, int8 to int64, uint8 to uint64, float32, float64, [DecimalValue], time.Time
// (dates and timestamps), time.Duration, string, []byte, []any (lists), [][2]any (maps, in order) or Row (structs). A Row is the
// reader's to keep; its strings may alias column bytes.
type Row struct {
	Schema *Schema
	Values []any
}

// Get returns the value of the field of that name, or an error that lists the fields there are.
func (r Row) Get(name string) (any, error) {
	i := r.Schema.Index(name)
	if i < 0 {
		return nil, fmt.Errorf("no field %q in a row of %v", name, r.Schema.Names())
	}
	return r.Values[i], nil
}

// DecimalValue is one decimal with its scale.
type DecimalValue struct {
	Unscaled Decimal128
	Scale    uint8
}
