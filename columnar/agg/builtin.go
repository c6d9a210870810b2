package agg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// Builtin returns the aggregate of that name for input columns of those types. The names are those of the package comment, but top_k and
// quantile, which need a parameter. The error lists the names, or says which input the aggregate takes.
func Builtin(name string, input []columnar.Type) (Function, error) {
	i := slices.IndexFunc(builtins, func(b builtin) bool { return b.name == name })
	if i < 0 {
		return Function{}, fmt.Errorf("no aggregate %q; there are %s", name, strings.Join(builtinNames(), ", "))
	}
	b := builtins[i]
	if len(input) < b.least || len(input) > b.most {
		return Function{}, fmt.Errorf("%s of %d columns: it takes %s", name, len(input), b.arity())
	}
	return b.make(input)
}

// builtin is an aggregate that is found by name.
type builtin struct {
	name        string
	least, most int // columns
	make        func(input []columnar.Type) (Function, error)
}

// anyColumns is the most columns that an aggregate of any number takes.
const anyColumns = 1 << 10

func (b builtin) arity() string {
	switch {
	case b.most == anyColumns:
		return fmt.Sprintf("%d or more", b.least)
	case b.least < b.most:
		return fmt.Sprintf("%d or %d", b.least, b.most)
	default:
		return fmt.Sprint(b.least)
	}
}

var builtins = []builtin{
	{"approx_distinct", 1, anyColumns, func(t []columnar.Type) (Function, error) { return ApproxDistinctOf(t...) }},
	{"avg", 1, 1, func(t []columnar.Type) (Function, error) { return AvgOf(t[0]) }},
	{"collect", 1, 1, func(t []columnar.Type) (Function, error) { return CollectOf(t[0]), nil }},
	{"count", 0, 1, func(t []columnar.Type) (Function, error) {
		if len(t) == 0 {
			return CountRows(), nil
		}
		return CountOf(t[0]), nil
	}},
	{"count_distinct", 1, anyColumns, func(t []columnar.Type) (Function, error) { return CountDistinctOf(t...) }},
	{"first", 1, 1, func(t []columnar.Type) (Function, error) { return FirstOf(t[0]), nil }},
	{"last", 1, 1, func(t []columnar.Type) (Function, error) { return LastOf(t[0]), nil }},
	{"max", 1, 1, func(t []columnar.Type) (Function, error) { return MaxOf(t[0]) }},
	{"max_by", 2, 2, func(t []columnar.Type) (Function, error) { return MaxByOf(t[0], t[1]) }},
	{"min", 1, 1, func(t []columnar.Type) (Function, error) { return MinOf(t[0]) }},
	{"min_by", 2, 2, func(t []columnar.Type) (Function, error) { return MinByOf(t[0], t[1]) }},
	{"sum", 1, 1, func(t []columnar.Type) (Function, error) { return SumOf(t[0]) }},
}

func builtinNames() []string {
	names := make([]string, len(builtins))
	for i, b := range builtins {
		names[i] = b.name
	}
	return names
}
