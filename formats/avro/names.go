package avro

import (
	"fmt"

	"github.com/twmb/avro"

	"github.com/millrace/millrace/columnar"
)

// names are the named types of a schema, by full name.
type names struct {
	types map[string]*avro.SchemaNode
	open  map[*avro.SchemaNode]bool // records being looked into
}

func newNames(root *avro.SchemaNode) *names {
	n := &names{types: map[string]*avro.SchemaNode{}, open: map[*avro.SchemaNode]bool{}}
	n.collect(root)
	return n
}

// collect keeps the definitions in a tree.
func (n *names) collect(s *avro.SchemaNode) {
	switch s.Type {
	case "record", "error", "enum", "fixed":
		full := s.Name
		if s.Namespace != "" {
			n.types[s.Namespace+"."+s.Name] = s
		}
		n.types[full] = s
	}
	for i := range s.Fields {
		n.collect(&s.Fields[i].Type)
	}
	for i := range s.Branches {
		n.collect(&s.Branches[i])
	}
	if s.Items != nil {
		n.collect(s.Items)
	}
	if s.Values != nil {
		n.collect(s.Values)
	}
}

// resolve returns the definition that a node stands for.
func (n *names) resolve(s *avro.SchemaNode) *avro.SchemaNode {
	if def, ok := n.types[s.Type]; ok {
		return def
	}
	return s
}

// optional takes a union of null and one other type apart: null is the branch that stands for null, -1 when there is none. A type that is no
// union is returned as it is, with branch -1.
func (n *names) optional(s *avro.SchemaNode) (value *avro.SchemaNode, branch, null int, err error) {
	s = n.resolve(s)
	if s.Type != "union" {
		return s, -1, -1, nil
	}
	branch, null = -1, -1
	for i := range s.Branches {
		switch {
		case s.Branches[i].Type == "null":
			null = i
		case branch >= 0:
			return nil, 0, 0, fmt.Errorf("a union of several types cannot be a column")
		default:
			branch, value = i, n.resolve(&s.Branches[i])
		}
	}
	if value == nil {
		return nil, 0, 0, fmt.Errorf("a union without a type cannot be a column")
	}
	return value, branch, null, nil
}

// field returns the column of a field.
func (n *names) field(name string, s *avro.SchemaNode) (columnar.Field, error) {
	value, _, null, err := n.optional(s)
	if err != nil {
		return columnar.Field{}, err
	}
	t, err := n.typeOf(value)
	return columnar.Field{Name: name, Type: t, Nullable: null >= 0 || value.Type == "null"}, err
}

// typeOf returns the column type of a type that is no union.
func (n *names) typeOf(s *avro.SchemaNode) (columnar.Type, error) {
	if t, ok := logicalType(s); ok {
		return t, nil
	}
	switch s.Type {
	case "boolean":
		return columnar.BoolType, nil
	case "int":
		return columnar.Int32Type, nil
	case "long":
		return columnar.Int64Type, nil
	case "float":
		return columnar.Type{Kind: columnar.Float32}, nil
	case "double":
		return columnar.Float64Type, nil
	case "bytes":
		return columnar.BinaryType, nil
	case "string", "enum", "null":
		return columnar.StringType, nil
	case "fixed":
		return columnar.Type{Kind: columnar.FixedBinary, Width: int32(s.Size)}, nil
	case "array":
		item, err := n.field("item", s.Items)
		return columnar.ListOf(item.Type, item.Nullable), err
	case "map":
		value, err := n.field("value", s.Values)
		return columnar.MapOf(columnar.StringType, value.Type, value.Nullable), err
	case "record", "error":
		return n.record(s)
	}
	return columnar.Type{}, fmt.Errorf("the type %q cannot be a column", s.Type)
}

func (n *names) record(s *avro.SchemaNode) (columnar.Type, error) {
	if n.open[s] {
		return columnar.Type{}, fmt.Errorf("the record %q contains itself", s.Name)
	}
	n.open[s] = true
	defer delete(n.open, s)
	var fields []columnar.Field
	for i := range s.Fields {
		f, err := n.field(s.Fields[i].Name, &s.Fields[i].Type)
		if err != nil {
			return columnar.Type{}, fmt.Errorf("%q: %w", s.Fields[i].Name, err)
		}
		fields = append(fields, f)
	}
	return columnar.StructOf(fields...), nil
}

// logicalType returns the type that a logical type stands for, if it is one that columns have.
func logicalType(s *avro.SchemaNode) (columnar.Type, bool) {
	switch s.Type + " " + s.LogicalType {
	case "int date":
		return columnar.DateType, true
	case "int time-millis", "long time-micros":
		return columnar.Type{Kind: columnar.Duration}, true
	case "long timestamp-millis", "long timestamp-micros", "long timestamp-nanos":
		return columnar.TimestampType, true
	case "long local-timestamp-millis", "long local-timestamp-micros", "long local-timestamp-nanos":
		return columnar.Type{Kind: columnar.Timestamp}, true
	case "bytes decimal", "fixed decimal":
		if s.Precision >= 1 && s.Precision <= columnar.MaxPrecision && s.Scale >= 0 && s.Scale <= s.Precision {
			return columnar.DecimalOf(uint8(s.Precision), uint8(s.Scale)), true
		}
	}
	return columnar.Type{}, false
}
