package avro

import (
	"errors"

	"github.com/twmb/avro"
)

// maxDepth bounds how deep records may be inside themselves where they are passed over.
const maxDepth = 1000

// skip compiles a field that no column is wanted of.
func (c *compiler) skip(s *avro.SchemaNode) skips {
	s = c.resolve(s)
	switch s.Type {
	case "null":
		return func(*decoder) {}
	case "boolean":
		return func(d *decoder) { d.take(1) }
	case "int", "long", "enum":
		return func(d *decoder) { d.long() }
	case "float":
		return func(d *decoder) { d.take(4) }
	case "double":
		return func(d *decoder) { d.take(8) }
	case "fixed":
		size := int64(s.Size)
		return func(d *decoder) { d.take(size) }
	case "array":
		return skipItems(c.skip(s.Items))
	case "map":
		value := c.skip(s.Values)
		return skipItems(func(d *decoder) {
			d.bytes()
			value(d)
		})
	case "union":
		return c.skipUnion(s)
	case "record", "error":
		return c.skipRecord(s)
	default: // string, bytes
		return func(d *decoder) { d.bytes() }
	}
}

// skipItems passes over an array or map: by the size of its parts where they have one.
func skipItems(item skips) skips {
	return func(d *decoder) {
		for d.err == nil {
			n := d.long()
			if n == 0 {
				return
			}
			if n < 0 {
				d.take(d.long())
				continue
			}
			for range n {
				if item(d); d.err != nil {
					return
				}
			}
		}
	}
}

func (c *compiler) skipUnion(s *avro.SchemaNode) skips {
	var branches []skips
	for i := range s.Branches {
		branches = append(branches, c.skip(&s.Branches[i]))
	}
	return func(d *decoder) {
		x := d.long()
		if x < 0 || x >= int64(len(branches)) {
			d.fail(errors.New("a branch that its union does not have"))
			return
		}
		branches[x](d)
	}
}

func (c *compiler) skipRecord(s *avro.SchemaNode) skips {
	known, ok := c.skippers[s]
	if !ok {
		known = new(skips)
		c.skippers[s] = known
		var fields []skips
		for i := range s.Fields {
			fields = append(fields, c.skip(&s.Fields[i].Type))
		}
		*known = func(d *decoder) {
			if d.depth++; d.depth > maxDepth {
				d.fail(errors.New("records nest too deep"))
			}
			for _, f := range fields {
				f(d)
			}
			d.depth--
		}
	}
	return func(d *decoder) { (*known)(d) }
}
