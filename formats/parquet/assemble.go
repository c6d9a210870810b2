package parquet

import (
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/columnar"
)

// assemble makes the column of a shape of what was read of its leaves, which it takes off the front of all. The cells of a shape are found by the
// rule written at shape.
func (s *shape) assemble(all *[]cells) (columnar.Column, error) {
	if s.leaf != nil {
		c := (*all)[0].column
		*all = (*all)[1:]
		return c, nil
	}
	lv := (*all)[0].levels // Any leaf below tells.
	var out columnar.Column
	var err error
	if s.field.Type.Kind == columnar.Struct {
		out = s.structs(lv)
	} else if out, err = s.lists(lv); err != nil {
		return out, err
	}
	out.Type = s.field.Type
	for k, child := range s.children {
		c, err := child.assemble(all)
		if err != nil {
			return out, err
		}
		if want := s.items(out); c.Len != want {
			return out, fmt.Errorf("%d values of %q where there are %d", c.Len, child.field.Name, want)
		}
		if k == 0 && s.field.Type.Kind == columnar.Map && c.NullCount() > 0 {
			return out, errors.New("a map has a key that is null")
		}
		out.Children = append(out.Children, c)
	}
	return out, nil
}

// items is how many cells the children have.
func (s *shape) items(c columnar.Column) int {
	if c.Offsets != nil {
		return int(c.Offsets[c.Len])
	}
	return c.Len
}

// isCell says whether the entry makes a cell of s.
func (s *shape) isCell(lv levels, i int) bool {
	return (lv.rep == nil || int(lv.rep[i]) <= s.rep) && int(lv.def[i]) >= s.anc
}

func (s *shape) structs(lv levels) columnar.Column {
	var v validity
	v.reset(len(lv.def))
	for i, d := range lv.def {
		switch {
		case !s.isCell(lv, i):
		case int(d) >= s.def:
			v.ones(1)
		default:
			v.zeros(1)
		}
	}
	return columnar.Column{Len: v.n, Valid: v.bitmap()}
}

func (s *shape) lists(lv levels) (columnar.Column, error) {
	var v validity
	v.reset(len(lv.def))
	offsets := make([]int32, 0, len(lv.def)+1)
	items := 0
	for i, d := range lv.def {
		if s.isCell(lv, i) {
			offsets = append(offsets, int32(items))
			if int(d) >= s.def {
				v.ones(1)
			} else {
				v.zeros(1)
			}
		}
		if int(lv.rep[i]) <= s.rep+1 && int(d) >= s.itemDef {
			if len(offsets) == 0 {
				return columnar.Column{}, errors.New("a list goes on that has not begun")
			}
			items++
		}
	}
	if items > math.MaxInt32 {
		return columnar.Column{}, errTooMuch
	}
	offsets = append(offsets, int32(items))
	return columnar.Column{Len: v.n, Valid: v.bitmap(), Offsets: offsets}, nil
}
