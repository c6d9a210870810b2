package codec

import (
	"fmt"
	"go/format"
	"strconv"
	"strings"
	"unicode"

	"github.com/millrace/millrace/columnar"
)

// GoStruct prints a schema as the declaration of a Go struct of that name, with the structs it needs behind it, formatted as gofmt does.
// SchemaOf of it is the schema again. Fields carry a tag where their name in snake_case is not the column's, or where their type needs an
// option. A column that no field can stand for becomes a comment.
func GoStruct(s *columnar.Schema, name string) string {
	p := &structPrinter{names: map[string]bool{}}
	p.declare(p.typeName(name), s.Fields)
	source, err := format.Source([]byte(strings.Join(p.declarations, "\n")))
	if err != nil {
		panic(fmt.Sprintf("codec: the struct printed for a schema is not Go: %v\n%s", err, p.declarations))
	}
	return string(source)
}

// structPrinter collects declarations; names are the types declared.
type structPrinter struct {
	declarations []string
	names        map[string]bool
}

// typeName returns the exported name nearest to name that is not taken.
func (p *structPrinter) typeName(name string) string { return unique(p.names, goName(name)) }

// unique returns name, with a number behind it when it is taken, and takes it.
func unique(taken map[string]bool, name string) string {
	out := name
	for i := 2; taken[out]; i++ {
		out = name + strconv.Itoa(i)
	}
	taken[out] = true
	return out
}

func (p *structPrinter) declare(name string, fields []columnar.Field) {
	at := len(p.declarations)
	p.declarations = append(p.declarations, "")
	var b strings.Builder
	fmt.Fprintf(&b, "type %s struct {\n", name)
	taken := map[string]bool{}
	for _, f := range fields {
		goType, option := p.goType(f.Type, name+goName(f.Name))
		goType = pointerIf(f.Nullable) + goType
		if option == impossible || !nameable(f.Name) {
			fmt.Fprintf(&b, "// %s has no Go type\n", strconv.Quote(f.String()))
			continue
		}
		goField := unique(taken, goName(f.Name))
		fmt.Fprintf(&b, "%s %s %s\n", goField, goType, tagOf(goField, f.Name, option))
	}
	b.WriteString("}\n")
	p.declarations[at] = b.String()
}

// tagOf returns the tag that field needs, or nothing.
func tagOf(field, column, option string) string {
	name := column
	if snakeCase(field) == column {
		name = ""
	}
	switch {
	case name == "-":
		option = "," // "-" alone leaves the field out
	case name == "" && option == "":
		return ""
	case option != "":
		option = "," + option
	}
	return fmt.Sprintf("`col:%s`", strconv.Quote(name+option))
}

// nameable says whether a tag can give the column's name.
func nameable(name string) bool {
	return !strings.Contains(name, "`") && strings.TrimSpace(name) == name && name != "" && len(splitTag(name)) == 1 &&
		strings.Count(name, "(") == strings.Count(name, ")")
}

// impossible stands for the option of a type that no Go type is stored as.
const impossible = "impossible"

// goType returns the Go type of values and the option that its field's tag needs. A struct is declared under a name like path.
func (p *structPrinter) goType(t columnar.Type, path string) (goType, option string) {
	switch t.Kind {
	case columnar.Decimal:
		return "columnar.DecimalValue", t.String()
	case columnar.Date:
		return "time.Time", "date"
	case columnar.Timestamp:
		if t.UTC {
			return "time.Time", ""
		}
		return "time.Time", "local"
	case columnar.Duration:
		return "time.Duration", ""
	case columnar.Binary:
		return "[]byte", ""
	case columnar.FixedBinary:
		return fmt.Sprintf("[%d]byte", t.Width), ""
	case columnar.List:
		item, option := p.goType(t.Fields[0].Type, path)
		return "[]" + pointerIf(t.Fields[0].Nullable) + item, option
	case columnar.Map:
		key, keyOption := p.goType(t.Fields[0].Type, path+"Key")
		value, option := p.goType(t.Fields[1].Type, path)
		if k := t.Fields[0].Type; keyOption != "" || !k.IsInteger() && k.Kind != columnar.Bool && k.Kind != columnar.String && k.Kind != columnar.FixedBinary {
			option = impossible
		}
		return "map[" + key + "]" + pointerIf(t.Fields[1].Nullable) + value, option
	case columnar.Struct:
		name := p.typeName(path)
		p.declare(name, t.Fields)
		return name, ""
	default:
		return t.Kind.String(), ""
	}
}

func pointerIf(nullable bool) string {
	if nullable {
		return "*"
	}
	return ""
}

// goName returns the exported Go name of a column: l_orderkey is LOrderkey, user-id is UserID.
func goName(column string) string {
	words := strings.FieldsFunc(column, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	var b strings.Builder
	for _, w := range words {
		switch lower := strings.ToLower(w); lower {
		case "id", "url", "ip":
			b.WriteString(strings.ToUpper(lower))
		default:
			runes := []rune(w)
			runes[0] = unicode.ToUpper(runes[0])
			b.WriteString(string(runes))
		}
	}
	name := b.String()
	if first := []rune(name + " ")[0]; !unicode.IsUpper(first) {
		return "X" + name
	}
	return name
}
