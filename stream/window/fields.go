package window

import "github.com/millrace/millrace/columnar"

// Fields are the columns of a Mark: what a pane's row has behind its key.
func Fields() []columnar.Field {
	return []columnar.Field{
		{Name: "start", Type: columnar.TimestampType},
		{Name: "end", Type: columnar.TimestampType},
		{Name: "index", Type: columnar.Int64Type},
		{Name: "timing", Type: columnar.Type{Kind: columnar.Uint8}},
		{Name: "is_first", Type: columnar.BoolType},
		{Name: "is_last", Type: columnar.BoolType},
		{Name: "retracts", Type: columnar.BoolType},
	}
}
