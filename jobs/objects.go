package jobs

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/formats/json"
)

// objects is the format of messages that are JSON objects with columns that the user names.
type objects struct {
	json.Format[columnar.Row]
	schema *columnar.Schema
}

// Schema returns the columns.
func (o objects) Schema() *columnar.Schema { return o.schema }

// parseSchema reads columns: "id bigint, price decimal(10,2), at timestamp". All may be null.
func parseSchema(text string) (*columnar.Schema, error) {
	schema := &columnar.Schema{}
	for _, column := range splitOutside(text) {
		name, typeName, ok := strings.Cut(strings.TrimSpace(column), " ")
		if !ok {
			return nil, fmt.Errorf("%q is not a name and a type, such as \"id bigint\"", strings.TrimSpace(column))
		}
		if schema.Index(name) >= 0 {
			return nil, fmt.Errorf("the column %q occurs twice", name)
		}
		t, err := expr.ParseType(typeName)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", name, err)
		}
		schema.Fields = append(schema.Fields, columnar.Field{Name: name, Type: t, Nullable: true})
	}
	return schema, nil
}

// splitOutside splits at commas that are in no parentheses.
func splitOutside(text string) []string {
	var parts []string
	depth, from := 0, 0
	for i, c := range text {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
}
