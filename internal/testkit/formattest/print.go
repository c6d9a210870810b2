package formattest

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
)

// Print returns rows as text: values with blanks between, NULL, texts in quotes, [lists], {maps} and (structs).
func Print(rows []columnar.Row) []string {
	var out []string
	for _, r := range rows {
		out = append(out, printAll(r.Values))
	}
	return out
}

// PrintBatch is Print of the rows of a batch that count.
func PrintBatch(t rapid.TB, b columnar.Batch) []string {
	rows, err := Rows(b)
	if err != nil {
		t.Fatal(err)
	}
	return Print(rows)
}

func printAll(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = printValue(v)
	}
	return strings.Join(texts, " ")
}

// printValue prints a value as columnar.Row holds it.
func printValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return fmt.Sprintf("%q", v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case columnar.DecimalValue:
		return v.String()
	case []any:
		return "[" + printAll(v) + "]"
	case [][2]any:
		var items []string
		for _, x := range v {
			items = append(items, printValue(x[0])+":"+printValue(x[1]))
		}
		return "{" + strings.Join(items, " ") + "}"
	case columnar.Row:
		return "(" + printAll(v.Values) + ")"
	default:
		return fmt.Sprint(v)
	}
}
