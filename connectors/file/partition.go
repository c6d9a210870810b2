package file

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
)

// key is one column that a folder's name gives to all files below it: dt=2026-01-01.
type key struct {
	Name  string `json:"n"`
	Value string `json:"v,omitempty"`
	Null  bool   `json:"z,omitempty"`
}

// hiveNull is the value that stands for null, as Hive writes it.
const hiveNull = "__HIVE_DEFAULT_PARTITION__"

// parseKey reads a folder's name; ok is false when it is not of the form name=value.
func parseKey(name string) (k key, ok bool) {
	column, value, ok := strings.Cut(name, "=")
	if !ok || column == "" {
		return key{}, false
	}
	if value == hiveNull {
		return key{Name: unescape(column), Null: true}, true
	}
	return key{Name: unescape(column), Value: unescape(value)}, true
}

// folder returns the folder's name.
func (k key) folder() string {
	if k.Null {
		return escape(k.Name) + "=" + hiveNull
	}
	return escape(k.Name) + "=" + escape(k.Value)
}

// trailingKeys returns the keys of the unbroken run of names at the end of a folder's path: reading /t/dt=2026-01-01 gives dt.
func trailingKeys(dir string) []key {
	var keys []key
	for dir != "." && dir != "/" {
		k, ok := parseKey(path.Base(dir))
		if !ok {
			break
		}
		keys = append(keys, k)
		dir = path.Dir(dir)
	}
	slices.Reverse(keys)
	return keys
}

// escaped are the characters that Hive writes as %XX in folders' names, besides control characters.
const escaped = "\"#%'*/:=?\\{[]^\x7f"

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 0x20 || strings.IndexByte(escaped, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescape undoes escape; what is no escape stays.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// withKeys returns the schema with the columns of the folders' names at its end; a column that the files have too takes the folder's place.
func withKeys(schema *columnar.Schema, l *listing) *columnar.Schema {
	var names []string
	values := map[string][]string{}
	for _, f := range l.files {
		for _, k := range f.Keys {
			if _, ok := values[k.Name]; !ok {
				names = append(names, k.Name)
				values[k.Name] = nil
			}
			if !k.Null {
				values[k.Name] = append(values[k.Name], k.Value)
			}
		}
	}
	fields := slices.DeleteFunc(slices.Clone(schema.Fields), func(f columnar.Field) bool { return slices.Contains(names, f.Name) })
	for _, name := range names {
		fields = append(fields, columnar.Field{Name: name, Type: inferKey(values[name]), Nullable: true})
	}
	return columnar.NewSchema(fields...)
}

// inferKey returns the narrowest of int64, date and string that all values can be read as and are written as.
func inferKey(values []string) columnar.Type {
	for _, t := range []columnar.Type{columnar.Int64Type, columnar.DateType} {
		fits := len(values) > 0
		for _, v := range values {
			parsed, err := parseValue(v, t)
			fits = fits && err == nil && (t.Kind != columnar.Date || formatValue(parsed, t) == v)
		}
		if fits {
			return t
		}
	}
	return columnar.StringType
}

const (
	dateForm      = "2006-01-02"
	timestampForm = "2006-01-02 15:04:05.999999"
)

// parseValue reads a folder's value as a value of the type, in the terms of columnar.Row.
func parseValue(s string, t columnar.Type) (any, error) {
	switch {
	case t.Kind == columnar.String:
		return s, nil
	case t.Kind == columnar.Bool:
		return strconv.ParseBool(s)
	case t.IsInteger() && t.Kind < columnar.Uint8:
		n, err := strconv.ParseInt(s, 10, 8*t.ByteWidth())
		return signed(n, t.Kind), err
	case t.IsInteger():
		n, err := strconv.ParseUint(s, 10, 8*t.ByteWidth())
		return unsigned(n, t.Kind), err
	case t.Kind == columnar.Float64:
		return strconv.ParseFloat(s, 64)
	case t.Kind == columnar.Date:
		return time.Parse(dateForm, s)
	case t.Kind == columnar.Timestamp:
		return time.Parse("2006-01-02 15:04:05", s)
	default:
		return nil, fmt.Errorf("a folder's name cannot be read as %s", t)
	}
}

func signed(n int64, k columnar.Kind) any {
	switch k {
	case columnar.Int8:
		return int8(n)
	case columnar.Int16:
		return int16(n)
	case columnar.Int32:
		return int32(n)
	default:
		return n
	}
}

func unsigned(n uint64, k columnar.Kind) any {
	switch k {
	case columnar.Uint8:
		return uint8(n)
	case columnar.Uint16:
		return uint16(n)
	case columnar.Uint32:
		return uint32(n)
	default:
		return n
	}
}

// formatValue prints a value, as columnar.Row holds it, for a folder's name.
func formatValue(v any, t columnar.Type) string {
	if at, ok := v.(time.Time); ok {
		if t.Kind == columnar.Date {
			return at.UTC().Format(dateForm)
		}
		return at.UTC().Format(timestampForm)
	}
	return fmt.Sprint(v)
}

// keyColumn returns a column of n rows that all have the key's value.
func keyColumn(k key, f columnar.Field, n int) (columnar.Column, error) {
	one := columnar.NewBuilder(f.Type, 1)
	if k.Null {
		one.AppendNulls(1)
	} else {
		v, err := parseValue(k.Value, f.Type)
		if err == nil {
			err = codec.AppendValue(one, v)
		}
		if err != nil {
			return columnar.Column{}, fmt.Errorf("reading the folder's name %s as %s: %w", k.folder(), f, err)
		}
	}
	if k.Null && !f.Nullable {
		return columnar.Column{}, fmt.Errorf("the folder's name %s is null; the column %s is not nullable", k.folder(), f)
	}
	all := columnar.NewBuilder(f.Type, n)
	all.Append(one.Finish(), make([]int32, n))
	return all.Finish(), nil
}
