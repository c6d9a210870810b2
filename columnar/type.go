package columnar

import (
	"fmt"
	"strings"
)

// Kind is the physical and logical family of a type.
type Kind uint8

// The kinds. The comment gives the Go type of one value in a fixed-width column's slice (see [Values]).
const (
	Bool        Kind = iota + 1 // a bit
	Int8                        // int8
	Int16                       // int16
	Int32                       // int32
	Int64                       // int64
	Uint8                       // uint8
	Uint16                      // uint16
	Uint32                      // uint32
	Uint64                      // uint64
	Float32                     // float32
	Float64                     // float64
	Decimal                     // Decimal128: an integer of 128 bits scaled by 10^-Scale
	Date                        // int32: days since 1970-01-01
	Timestamp                   // int64: microseconds since 1970-01-01T00:00:00, of UTC when the type says UTC, of an unnamed local clock otherwise
	Duration                    // int64: microseconds
	String                      // UTF-8
	Binary                      // bytes
	FixedBinary                 // Width bytes
	List                        // Children[0] has the items
	Map                         // Children[0] has the keys, Children[1] the values
	Struct                      // Children[i] has field i
)

var kindNames = [...]string{
	Bool: "bool", Int8: "int8", Int16: "int16", Int32: "int32", Int64: "int64", Uint8: "uint8", Uint16: "uint16", Uint32: "uint32",
	Uint64: "uint64", Float32: "float32", Float64: "float64", Decimal: "decimal", Date: "date", Timestamp: "timestamp",
	Duration: "duration", String: "string", Binary: "binary", FixedBinary: "fixedbinary", List: "list", Map: "map", Struct: "struct",
}

// String returns the kind's name in lower case, as schemas print it.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// kindWidths has the bytes of one value for fixed-width kinds but FixedBinary.
var kindWidths = [...]int{
	Int8: 1, Int16: 2, Int32: 4, Int64: 8, Uint8: 1, Uint16: 2, Uint32: 4, Uint64: 8, Float32: 4, Float64: 8, Decimal: 16, Date: 4,
	Timestamp: 8, Duration: 8, Struct: 0,
}

// Type is the type of a column. Types are compared by Equal.
type Type struct {
	Kind      Kind
	UTC       bool    // Timestamp: an instant; false: a local date and time without zone
	Precision uint8   // Decimal: digits in all, 1 to 38
	Scale     uint8   // Decimal: digits after the point
	Width     int32   // FixedBinary: bytes
	Fields    []Field // List: the item; Map: key and value; Struct: the fields
}

// Types without parameters, and the usual timestamp.
var (
	BoolType      = Type{Kind: Bool}
	Int32Type     = Type{Kind: Int32}
	Int64Type     = Type{Kind: Int64}
	Float64Type   = Type{Kind: Float64}
	StringType    = Type{Kind: String}
	BinaryType    = Type{Kind: Binary}
	DateType      = Type{Kind: Date}
	TimestampType = Type{Kind: Timestamp, UTC: true}
)

// DecimalOf returns the decimal type of that many digits in all and after the point.
func DecimalOf(precision, scale uint8) Type {
	return Type{Kind: Decimal, Precision: precision, Scale: scale}
}

// ListOf returns the type of lists of items.
func ListOf(item Type, nullable bool) Type {
	return Type{Kind: List, Fields: []Field{{Name: "item", Type: item, Nullable: nullable}}}
}

// MapOf returns the type of maps; keys are never null.
func MapOf(key, value Type, nullable bool) Type {
	return Type{Kind: Map, Fields: []Field{{Name: "key", Type: key}, {Name: "value", Type: value, Nullable: nullable}}}
}

// StructOf returns the type of structs with those fields.
func StructOf(fields ...Field) Type { return Type{Kind: Struct, Fields: fields} }

// ByteWidth returns the bytes of one value in Data, 0 for kinds that are not of fixed width.
func (t Type) ByteWidth() int {
	if t.Kind == FixedBinary {
		return int(t.Width)
	}
	if int(t.Kind) < len(kindWidths) {
		return kindWidths[t.Kind]
	}
	return 0
}

// IsVariable says whether values are bytes of varying length: strings and binaries.
func (t Type) IsVariable() bool { return t.Kind == String || t.Kind == Binary }

// IsNested says whether the type has children.
func (t Type) IsNested() bool { return t.Kind == List || t.Kind == Map || t.Kind == Struct }

// IsInteger says whether values are integers, signed or not.
func (t Type) IsInteger() bool { return t.Kind >= Int8 && t.Kind <= Uint64 }

// IsFloat says whether values are floating-point numbers.
func (t Type) IsFloat() bool { return t.Kind == Float32 || t.Kind == Float64 }

// Widens says whether t and u are two types of numbers and every value of t is one of u: integers in wider ones or in floats that have all of
// them, decimals with as many digits before and behind the point.
func (t Type) Widens(u Type) bool {
	switch {
	case t.IsInteger() && u.IsInteger():
		signed := t.Kind <= Int64
		if signed != (u.Kind <= Int64) {
			return !signed && t.ByteWidth() < u.ByteWidth()
		}
		return t.ByteWidth() <= u.ByteWidth()
	case t.IsInteger() && u.IsFloat():
		return t.ByteWidth() < u.ByteWidth()
	case t.Kind == Decimal && u.Kind == Decimal:
		return u.Scale >= t.Scale && u.Precision-u.Scale >= t.Precision-t.Scale
	default:
		return t.Kind == Float32 && u.Kind == Float64
	}
}

// Equal says whether both types lay out and mean the same, field names included.
func (t Type) Equal(u Type) bool {
	if t.Kind != u.Kind || t.UTC != u.UTC || t.Precision != u.Precision || t.Scale != u.Scale || t.Width != u.Width || len(t.Fields) != len(u.Fields) {
		return false
	}
	for i := range t.Fields {
		if !t.Fields[i].Equal(u.Fields[i]) {
			return false
		}
	}
	return true
}

// String prints the type as schemas do: int64, decimal(15,2), timestamp (UTC) or timestamp(local), list<string>, struct<a: int64, b?: string>.
func (t Type) String() string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case FixedBinary:
		return fmt.Sprintf("fixedbinary(%d)", t.Width)
	case Timestamp:
		if !t.UTC {
			return "timestamp(local)"
		}
		return "timestamp"
	case List:
		return "list<" + optional(t.Fields[0]) + ">"
	case Map:
		return "map<" + t.Fields[0].Type.String() + ", " + optional(t.Fields[1]) + ">"
	case Struct:
		var b strings.Builder
		b.WriteString("struct<")
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(f.String())
		}
		return b.String() + ">"
	default:
		return t.Kind.String()
	}
}

func optional(f Field) string {
	if f.Nullable {
		return f.Type.String() + "?"
	}
	return f.Type.String()
}

// Field is a named column of a schema or a struct.
type Field struct {
	Name     string
	Type     Type
	Nullable bool
}

// Equal says whether both fields have the same name, type and nullability.
func (f Field) Equal(g Field) bool {
	return f.Name == g.Name && f.Nullable == g.Nullable && f.Type.Equal(g.Type)
}

// String prints "name: type", with ? behind the type of a nullable field.
func (f Field) String() string { return f.Name + ": " + optional(f) }

// Schema is the ordered fields of a batch. Schemas are immutable once shared.
type Schema struct{ Fields []Field }

// NewSchema returns a schema of those fields.
func NewSchema(fields ...Field) *Schema { return &Schema{Fields: fields} }

// Index returns the position of the field of that name, or -1. Names are case-sensitive.
func (s *Schema) Index(name string) int {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return i
		}
	}
	return -1
}

// Names returns the fields' names in order.
func (s *Schema) Names() []string {
	names := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		names[i] = f.Name
	}
	return names
}

// Select returns the schema of the fields at those positions, in that order.
func (s *Schema) Select(columns []int) *Schema {
	out := &Schema{Fields: make([]Field, len(columns))}
	for i, c := range columns {
		out.Fields[i] = s.Fields[c]
	}
	return out
}

// Equal says whether both schemas have equal fields in the same order.
func (s *Schema) Equal(t *Schema) bool {
	if s == t {
		return true
	}
	return s != nil && t != nil && StructOf(s.Fields...).Equal(StructOf(t.Fields...))
}

// String prints one field a line.
func (s *Schema) String() string {
	var b strings.Builder
	for _, f := range s.Fields {
		b.WriteString(f.String())
		b.WriteByte('\n')
	}
	return b.String()
}
