package file

import (
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
)

// pruner rules out folders by the filter. The zero pruner rules out nothing.
type pruner struct {
	filter expr.Expr
	schema *columnar.Schema // has the types of the columns that folders' names give; of those it does not name strings
	budget int              // folders to list, 0: any number
}

// keeps says whether files with those keys, and perhaps more, may hold rows that the filter lets through.
func (p pruner) keeps(keys []key) bool {
	if p.filter.IsZero() || len(keys) == 0 {
		return true
	}
	return expr.MayMatch(p.filter, func(column string) (expr.Stats, bool) {
		i := slices.IndexFunc(keys, func(k key) bool { return k.Name == column })
		if i < 0 {
			return expr.Stats{}, false
		}
		return p.stats(keys[i])
	})
}

// stats is what the key says of its column; ok is false when it cannot be read: the reader will say so.
func (p pruner) stats(k key) (s expr.Stats, ok bool) {
	if k.Null {
		return expr.Stats{AllNull: true}, true
	}
	t := columnar.StringType
	if p.schema != nil {
		if i := p.schema.Index(k.Name); i >= 0 {
			t = p.schema.Fields[i].Type
		}
	}
	v, err := parseValue(k.Value, t)
	return expr.Stats{Min: v, Max: v, NoNulls: true}, err == nil
}
