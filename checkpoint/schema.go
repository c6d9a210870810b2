package checkpoint

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
)

// Table is a table's description in a manifest.
type Table struct{ state.Table }

// tableJSON is how a table is written.
type tableJSON struct {
	Name         string  `json:"name"`
	Kind         string  `json:"kind,omitempty"`
	Distribution string  `json:"distribution"`
	Keys         []field `json:"keys,omitempty"`
	Namespace    []field `json:"namespace,omitempty"`
	Values       []field `json:"values,omitempty"`
	TTL          string  `json:"ttl,omitempty"`
}

// field is how a column is written: {"name": "n", "type": "int64"}. Types are named as columnar does, with their parameters beside them.
type field struct {
	Name      string  `json:"name"`
	Type      string  `json:"type"`
	Nullable  bool    `json:"nullable,omitempty"`
	UTC       bool    `json:"utc,omitempty"`
	Precision uint8   `json:"precision,omitempty"`
	Scale     uint8   `json:"scale,omitempty"`
	Width     int32   `json:"width,omitempty"`
	Fields    []field `json:"fields,omitempty"` // list: the item; map: key and value; struct: the fields
}

// MarshalJSON writes the description.
func (t Table) MarshalJSON() ([]byte, error) {
	out := tableJSON{
		Name: t.Name, Kind: t.Kind, Distribution: t.Distribution.String(),
		Keys: fieldsOf(t.Keys), Namespace: fieldsOf(t.Namespace), Values: fieldsOf(t.Values),
	}
	if t.TTL > 0 {
		out.TTL = t.TTL.String()
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads a description and checks it.
func (t *Table) UnmarshalJSON(data []byte) (err error) {
	var in tableJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	t.Name, t.Kind = in.Name, in.Kind
	if t.Distribution, err = distributionOf(in.Distribution); err != nil {
		return fmt.Errorf("table %q: %w", in.Name, err)
	}
	for _, part := range []struct {
		from []field
		to   *[]columnar.Field
	}{{in.Keys, &t.Keys}, {in.Namespace, &t.Namespace}, {in.Values, &t.Values}} {
		if *part.to, err = columnsOf(part.from, 0); err != nil {
			return fmt.Errorf("table %q: %w", in.Name, err)
		}
	}
	if in.TTL != "" {
		t.TTL, err = time.ParseDuration(in.TTL)
	}
	return err
}

func distributionOf(name string) (state.Distribution, error) {
	for d := state.Keyed; d <= state.Broadcast; d++ {
		if d.String() == name {
			return d, nil
		}
	}
	return 0, fmt.Errorf("unknown distribution %q", name)
}

func fieldsOf(columns []columnar.Field) (out []field) {
	for _, c := range columns {
		t := c.Type
		out = append(out, field{
			Name: c.Name, Type: t.Kind.String(), Nullable: c.Nullable, UTC: t.UTC, Precision: t.Precision, Scale: t.Scale, Width: t.Width,
			Fields: fieldsOf(t.Fields),
		})
	}
	return out
}

// maxDepth bounds how deep types nest.
const maxDepth = 64

// children is how many fields a type of a kind has; -1: any number.
var children = map[columnar.Kind]int{columnar.List: 1, columnar.Map: 2, columnar.Struct: -1}

func columnsOf(fields []field, depth int) (out []columnar.Field, err error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("types nest deeper than %d", maxDepth)
	}
	for _, f := range fields {
		t := columnar.Type{UTC: f.UTC, Precision: f.Precision, Scale: f.Scale, Width: f.Width}
		for t.Kind = columnar.Bool; t.Kind <= columnar.Struct && t.Kind.String() != f.Type; {
			t.Kind++
		}
		if t.Kind > columnar.Struct {
			return nil, fmt.Errorf("column %q: unknown type %q", f.Name, f.Type)
		}
		if want := children[t.Kind]; want >= 0 && len(f.Fields) != want {
			return nil, fmt.Errorf("column %q: a type %s with %d fields", f.Name, f.Type, len(f.Fields))
		}
		if t.Width < 0 || t.Precision > columnar.MaxPrecision || t.Scale > t.Precision || (t.Kind == columnar.Decimal) != (t.Precision > 0) ||
			(t.Kind == columnar.FixedBinary) != (t.Width > 0) {
			return nil, fmt.Errorf("column %q: impossible parameters of type %q", f.Name, f.Type)
		}
		if t.Fields, err = columnsOf(f.Fields, depth+1); err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		out = append(out, columnar.Field{Name: f.Name, Type: t, Nullable: f.Nullable})
	}
	return out, nil
}

// fileSchema is the columns of a table's files: the key group, when there are keys, and those of the table. When a column of the table has the
// name key_group already, the first one is called key_group_0.
func fileSchema(t state.Table) *columnar.Schema {
	s := t.Schema()
	if t.Distribution != state.Keyed {
		return s
	}
	group := columnar.Field{Name: "key_group", Type: columnar.Int32Type}
	if s.Index(group.Name) >= 0 {
		group.Name = "key_group_0"
	}
	return columnar.NewSchema(append([]columnar.Field{group}, s.Fields...)...)
}
