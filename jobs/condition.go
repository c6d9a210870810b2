package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/columnar/expr"
)

// object is a JSON object: nil, bool, int64, float64 and string by name. Objects within it are flattened, "user.name"; arrays are their text.
type object map[string]any

// readObject reads one object. What follows it is an error.
func readObject(text string) (object, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var members map[string]any
	if err := d.Decode(&members); err != nil {
		return nil, fmt.Errorf("no JSON object: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("no JSON object: there is more behind it")
	}
	if members == nil {
		return nil, errors.New("no JSON object: null")
	}
	o := object{}
	return o, o.take("", members)
}

// take puts an object's members into o, under names that begin with prefix.
func (o object) take(prefix string, members map[string]any) error {
	for name, value := range members {
		switch value := value.(type) {
		case map[string]any:
			if err := o.take(prefix+name+".", value); err != nil {
				return err
			}
		case []any:
			text, err := json.Marshal(value)
			if err != nil {
				return err
			}
			o[prefix+name] = string(text)
		case json.Number:
			n, err := number(value)
			if err != nil {
				return err
			}
			o[prefix+name] = n
		default:
			o[prefix+name] = value
		}
	}
	return nil
}

// number is an int64 if the text is one, else a float64.
func number(n json.Number) (any, error) {
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	return n.Float64()
}

// condition is an expression over objects. What types their members have is only known when they come: it is compiled once for each combination
// of types. One goroutine uses it.
type condition struct {
	source   expr.Expr
	columns  []string
	programs map[string]compiled // by the types of columns, a letter each
}

// compiled is a condition for members of some types. Those that are missing are NULL.
type compiled struct {
	program *expr.Program
	schema  *columnar.Schema
	columns []string // in the order of the schema
	err     error    // the condition means nothing for these types
}

// parseCondition reads an expression that is true or false.
func parseCondition(text string) (*condition, error) {
	source, err := expr.Parse(text)
	if err != nil {
		return nil, err
	}
	c := &condition{source: source, columns: source.Columns(), programs: map[string]compiled{}}
	if source.IsColumn() { // of what type, its values will tell
		return c, nil
	}
	if nothing := c.compile(object{}); nothing.err == nil && nothing.program.Type().Kind != columnar.Bool {
		return nil, fmt.Errorf("%s is %s; a condition is true or false", source, nothing.program.Type())
	}
	return c, nil
}

// holds says whether the condition is true of an object. An error says that it means nothing for values such as the object's.
func (c *condition) holds(o object) (bool, error) {
	types := make([]byte, len(c.columns))
	for i, name := range c.columns {
		types[i] = typeLetter(o[name])
	}
	p, ok := c.programs[string(types)]
	if !ok {
		p = c.compile(o)
		c.programs[string(types)] = p
	}
	if p.err != nil {
		return false, p.err
	}
	b := columnar.Batch{Schema: p.schema, Len: 1}
	for i, name := range p.columns {
		column := columnar.NewBuilder(p.schema.Fields[i].Type, 1)
		if err := codec.AppendValue(column, o[name]); err != nil {
			return false, err
		}
		b.Columns = append(b.Columns, column.Finish())
	}
	rows, err := p.program.EvalFilter(b, nil)
	return len(rows) > 0, err
}

// compile compiles the condition for members of the types that the object's have.
func (c *condition) compile(o object) compiled {
	out := compiled{schema: &columnar.Schema{}}
	missing := map[string]expr.Expr{}
	for _, name := range c.columns {
		t, ok := memberTypes[typeLetter(o[name])]
		if !ok {
			missing[name] = expr.Lit(nil)
			continue
		}
		out.columns = append(out.columns, name)
		out.schema.Fields = append(out.schema.Fields, columnar.Field{Name: name, Type: t})
	}
	out.program, out.err = expr.Bind(expr.Substitute(c.source, missing), out.schema)
	return out
}

// memberTypes are the columns' types by letter. NULL has none.
var memberTypes = map[byte]columnar.Type{'b': columnar.BoolType, 'i': columnar.Int64Type, 'f': columnar.Float64Type, 's': columnar.StringType}

func typeLetter(value any) byte {
	switch value.(type) {
	case bool:
		return 'b'
	case int64:
		return 'i'
	case float64:
		return 'f'
	case string:
		return 's'
	default:
		return 'n'
	}
}
