package checkpoint

import (
	"math"
	"strconv"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/state"
)

// groupOf returns the key group of a key that is written as text, and whether the text says it: keys of strings, integers and bools do.
func groupOf(text string, t state.Table, groups int) (group int, ok bool) {
	parts := strings.Split(text, ",")
	if len(parts) != len(t.Keys) {
		return 0, false
	}
	var cols []columnar.Column
	for i, f := range t.Keys {
		b := columnar.NewBuilder(columnar.Int64Type, 1)
		n, errInt := strconv.ParseInt(parts[i], 10, 64)
		u, errUint := strconv.ParseUint(parts[i], 10, 64)
		switch {
		case parts[i] == "null" && f.Nullable:
			return 0, false
		case f.Type.Kind == columnar.String:
			b = columnar.NewBuilder(columnar.StringType, 1)
			b.AppendString(parts[i])
		case f.Type.Kind == columnar.Bool:
			b = columnar.NewBuilder(columnar.BoolType, 1)
			b.AppendBool(parts[i] == "true")
		case f.Type.IsInteger() && errInt == nil: // the hash does not depend on the width
			columnar.AppendFixed(b, n)
		case f.Type.Kind == columnar.Uint64 && errUint == nil && u > math.MaxInt64:
			b = columnar.NewBuilder(columnar.Type{Kind: columnar.Uint64}, 1)
			columnar.AppendFixed(b, u)
		default:
			return 0, false
		}
		cols = append(cols, b.Finish())
	}
	var hash [1]uint64
	keys.Hash(cols, nil, 1, hash[:])
	return state.Groups{Max: groups}.Of(hash[0]), true
}

// value returns a value as JSON has it: numbers that a float64 does not hold as text, like all that is printed by cell.
func value(c *columnar.Column, i int) any {
	switch {
	case c.IsNull(i):
		return nil
	case c.Type.Kind == columnar.Bool:
		return c.Bits.Get(i)
	case c.Type.IsInteger():
		if n, err := strconv.ParseInt(cell(c, i), 10, 64); err == nil && n <= 1<<53 && n >= -1<<53 {
			return n
		}
		return cell(c, i)
	case c.Type.IsFloat():
		if f, err := strconv.ParseFloat(cell(c, i), 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
		return cell(c, i)
	case c.Type.Kind == columnar.List:
		out := []any{}
		for k := c.Offsets[i]; k < c.Offsets[i+1]; k++ {
			out = append(out, value(&c.Children[0], int(k)))
		}
		return out
	case c.Type.Kind == columnar.Map:
		out := [][2]any{}
		for k := c.Offsets[i]; k < c.Offsets[i+1]; k++ {
			out = append(out, [2]any{value(&c.Children[0], int(k)), value(&c.Children[1], int(k))})
		}
		return out
	case c.Type.Kind == columnar.Struct:
		out := map[string]any{}
		for k, f := range c.Type.Fields {
			out[f.Name] = value(&c.Children[k], i)
		}
		return out
	default:
		return cell(c, i)
	}
}
