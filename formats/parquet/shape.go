package parquet

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats/internal/widen"
)

// shape is a column of the file, or a part of a nested one: what it is and where its values are. The levels are Dremel's (Melnik et al. 2010,
// section 4): a definition level counts the optional and repeated ancestors that are there, a repetition level says which list goes on.
//
// Among the entries of any leaf below it, a shape has one cell for each whose repetition level is at most rep and whose definition level is at
// least anc; the cell is not null where the definition level is at least def.
type shape struct {
	field    columnar.Field
	def      int      // definition level from which a cell is not null
	rep      int      // repetition level of the lists around
	anc      int      // definition level from which the innermost list around has an item
	itemDef  int      // list, map: definition level from which there is an item
	children []*shape // list: the item; map: key and value; struct: the fields
	leaf     *leafType
}

// leafType is how a column without children is stored.
type leafType struct {
	column int // number in the file
	elem   element
	path   []string
	typ    columnar.Type
	maxDef int
	maxRep int
	anc    int
}

// flat says whether there is one value or null a row and no more to it.
func (l *leafType) flat() bool { return l.maxRep == 0 && l.maxDef <= 1 }

// leaves returns the leaves below s, in order.
func (s *shape) leaves() []*shape {
	if s.leaf != nil {
		return []*shape{s}
	}
	var all []*shape
	for _, c := range s.children {
		all = append(all, c.leaves()...)
	}
	return all
}

// node is an element of the schema with its children.
type node struct {
	element
	kids   []*node
	column int // of leaves
}

// maxNesting bounds the depth of schemas.
const maxNesting = 64

// treeOf makes a tree of the schema's elements, which come parents first.
func treeOf(elements []element) (*node, error) {
	columns := 0
	rest := elements
	var build func(depth int) (*node, error)
	build = func(depth int) (*node, error) {
		if len(rest) == 0 || depth > maxNesting {
			return nil, fmt.Errorf("the schema has %d elements, which do not make a tree", len(elements))
		}
		n := &node{element: rest[0]}
		rest = rest[1:]
		if !n.group {
			n.column = columns
			columns++
			return n, nil
		}
		for range n.children {
			kid, err := build(depth + 1)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, kid)
		}
		return n, nil
	}
	root, err := build(0)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("the schema has %d elements too many", len(rest))
	}
	return root, err
}

// shapesOf returns the columns of a file.
func shapesOf(elements []element) ([]*shape, error) {
	root, err := treeOf(elements)
	if err != nil {
		return nil, err
	}
	var all []*shape
	for _, kid := range root.kids {
		s, err := shapeOf(kid, at{}, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// at is a place in the schema: the levels as in a shape.
type at struct{ def, rep, anc int }

// item returns the place of the items of a list that is at a.
func (a at) item() at { return at{def: a.def + 1, rep: a.rep + 1, anc: a.def + 1} }

// shapeOf returns the shape of a field.
func shapeOf(n *node, a at, path []string) (*shape, error) {
	path = append(slices.Clone(path), n.name)
	switch n.rep {
	case repeated: // without LIST around: a list of items that are not null
		item, err := valueOf(n, a.item(), path)
		if err != nil {
			return nil, err
		}
		return listOf(n.name, item, false, a), nil
	case optional:
		a.def++
	case required:
	}
	s, err := valueOf(n, a, path)
	if err == nil {
		s.field.Nullable = n.rep == optional
	}
	return s, err
}

func listOf(name string, item *shape, nullable bool, a at) *shape {
	field := columnar.Field{Name: name, Type: columnar.ListOf(item.field.Type, item.field.Nullable), Nullable: nullable}
	return &shape{field: field, def: a.def, rep: a.rep, anc: a.anc, itemDef: a.def + 1, children: []*shape{item}}
}

// valueOf returns the shape of a field's value, whose place counts the field itself.
func valueOf(n *node, a at, path []string) (*shape, error) {
	switch {
	case !n.group:
		return leafOf(n, a, path)
	case n.logical.kind == logicalList || n.converted == convList:
		return listValue(n, a, path)
	case n.logical.kind == logicalMap || n.converted == convMap || n.converted == convMapKeyValue:
		return mapValue(n, a, path)
	}
	s := &shape{def: a.def, rep: a.rep, anc: a.anc}
	var fields []columnar.Field
	for _, kid := range n.kids {
		child, err := shapeOf(kid, a, path)
		if err != nil {
			return nil, err
		}
		s.children = append(s.children, child)
		fields = append(fields, child.field)
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("column %q is a struct without fields", path)
	}
	s.field = columnar.Field{Name: n.name, Type: columnar.StructOf(fields...)}
	return s, nil
}

// listValue reads the LIST structure in its present form and the older ones (LogicalTypes.md, backward-compatibility rules).
func listValue(n *node, a at, path []string) (*shape, error) {
	if len(n.kids) != 1 || n.kids[0].rep != repeated {
		return nil, fmt.Errorf("column %q is a list without one repeated field", path)
	}
	mid := n.kids[0]
	path = append(path, mid.name)
	var item *shape
	var err error
	if mid.group && len(mid.kids) == 1 && mid.name != "array" && mid.name != n.name+"_tuple" {
		item, err = shapeOf(mid.kids[0], a.item(), path)
	} else {
		item, err = valueOf(mid, a.item(), path)
	}
	if err != nil {
		return nil, err
	}
	return listOf(n.name, item, false, a), nil
}

func mapValue(n *node, a at, path []string) (*shape, error) {
	if len(n.kids) != 1 || n.kids[0].rep != repeated || len(n.kids[0].kids) != 2 {
		return nil, fmt.Errorf("column %q is a map without repeated keys and values", path)
	}
	mid := n.kids[0]
	path = append(path, mid.name)
	s := &shape{def: a.def, rep: a.rep, anc: a.anc, itemDef: a.def + 1}
	for _, kid := range mid.kids {
		child, err := shapeOf(kid, a.item(), path)
		if err != nil {
			return nil, err
		}
		s.children = append(s.children, child)
	}
	// Invariant: the keys of a column's maps are not null; a file that says they may be is held to it when it is read.
	key, value := s.children[0].field, s.children[1].field
	s.field = columnar.Field{Name: n.name, Type: columnar.MapOf(key.Type, value.Type, value.Nullable)}
	return s, nil
}

func leafOf(n *node, a at, path []string) (*shape, error) {
	t, err := typeOf(n.element)
	if err != nil {
		return nil, fmt.Errorf("column %q: %w", path, err)
	}
	leaf := &leafType{column: n.column, elem: n.element, path: path, typ: t, maxDef: a.def, maxRep: a.rep, anc: a.anc}
	return &shape{field: columnar.Field{Name: n.name, Type: t}, def: a.def, rep: a.rep, anc: a.anc, leaf: leaf}, nil
}

// bind returns the shape of the columns wanted of s: the same, or, in structs, fewer fields in another order. Types of leaves are the file's:
// what the caller wants of them is a cast.
func (s *shape) bind(want columnar.Type) (*shape, error) {
	out := *s
	if s.leaf != nil {
		if widen.Relabels(s.field.Type, want) {
			leaf := *s.leaf
			leaf.typ, out.leaf, out.field.Type = want, &leaf, want
		}
		return &out, nil
	}
	if s.field.Type.Kind != want.Kind {
		return nil, fmt.Errorf("it is %s in the file, and %s is wanted", s.field.Type, want)
	}
	out.children = nil
	var fields []columnar.Field
	for i, f := range want.Fields {
		child := s.children[min(i, len(s.children)-1)]
		if want.Kind == columnar.Struct {
			k := slices.IndexFunc(s.children, func(c *shape) bool { return c.field.Name == f.Name })
			if k < 0 {
				return nil, fmt.Errorf("the struct in the file has no field %q", f.Name)
			}
			child = s.children[k]
		}
		bound, err := child.bind(f.Type)
		if err != nil {
			return nil, fmt.Errorf("in %q: %w", f.Name, err)
		}
		if !bound.field.Type.Equal(f.Type) {
			return nil, fmt.Errorf("in %q: it is %s in the file, and %s is wanted", f.Name, bound.field.Type, f.Type)
		}
		out.children = append(out.children, bound)
		fields = append(fields, f)
	}
	if len(fields) == 0 {
		return nil, errors.New("a struct without fields is wanted")
	}
	out.field.Type.Fields = fields
	return &out, nil
}

// schemaOf returns the columns as a schema.
func schemaOf(shapes []*shape) *columnar.Schema {
	s := &columnar.Schema{}
	for _, c := range shapes {
		s.Fields = append(s.Fields, c.field)
	}
	return s
}
