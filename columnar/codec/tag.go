package codec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// options is what a col tag says beside the name.
type options struct {
	as               string // date, local, timestamp, decimal, or nothing
	precision, scale uint8  // of as decimal
	nullZero         bool
}

// parseTag returns the column's name, empty when the tag gives none, and the options.
func parseTag(tag string) (name string, o options, err error) {
	parts := splitTag(tag)
	for _, part := range parts[1:] {
		part = strings.TrimSpace(part)
		as := part
		switch {
		case part == "":
			continue
		case part == "null=zero":
			o.nullZero = true
			continue
		case strings.HasPrefix(part, "decimal("):
			as = "decimal"
			if err := o.parseDecimal(part); err != nil {
				return "", o, err
			}
		case part != "date" && part != "local" && part != "timestamp":
			return "", o, fmt.Errorf("the tag's option %q is unknown; options are date, local, timestamp, decimal(precision,scale) and null=zero", part)
		}
		if o.as != "" {
			return "", o, fmt.Errorf("the tag's options %s and %s exclude each other", o.as, as)
		}
		o.as = as
	}
	return strings.TrimSpace(parts[0]), o, nil
}

// splitTag splits at the commas outside parentheses.
func splitTag(tag string) []string {
	depth := 0
	parts := []string{""}
	for _, r := range tag {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			parts = append(parts, "")
			continue
		}
		parts[len(parts)-1] += string(r)
	}
	return parts
}

func (o *options) parseDecimal(part string) error {
	var precision, scale int
	if n, err := fmt.Sscanf(strings.ReplaceAll(part, " ", ""), "decimal(%d,%d)", &precision, &scale); n != 2 || err != nil {
		return fmt.Errorf("the tag's option %q is not decimal(precision,scale)", part)
	}
	if precision < 1 || precision > 38 || scale < 0 || scale > precision {
		return fmt.Errorf("%s has a precision outside 1 to 38, or a scale outside 0 to its precision", part)
	}
	o.precision, o.scale = uint8(precision), uint8(scale)
	return nil
}

// allow returns an error when the tag asks for something that t cannot be stored as.
func (o options) allow(t reflect.Type, allowed ...string) error {
	if o.as == "" || slices.Contains(allowed, o.as) {
		return nil
	}
	return fmt.Errorf("the tag's option %s does not fit the type %s", o.as, t)
}

// snakeCase returns the column name of a Go field: ShipDate is ship_date, UserID is user_id, Q1Key is q1_key.
func snakeCase(name string) string {
	runes := []rune(name)
	var b strings.Builder
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && runes[i-1] != '_' {
			before := runes[i-1]
			last := i+1 == len(runes) || !unicode.IsLower(runes[i+1])
			if !unicode.IsUpper(before) || !last {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
