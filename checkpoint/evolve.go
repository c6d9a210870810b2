package checkpoint

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
)

// Change is what became of a column, or a field of one, since it was saved.
type Change struct {
	Field  string `json:"field"`            // its path: "values.user.age"
	What   string `json:"what"`             // "added", "removed", "renamed", "widened", "refused"
	From   string `json:"from,omitempty"`   // the type, or the name, that was saved
	To     string `json:"to,omitempty"`     // the one that is declared
	Reason string `json:"reason,omitempty"` // of a refusal
}

// String prints "values.n: widened from int32 to int64".
func (c Change) String() string {
	switch c.What {
	case "added":
		return fmt.Sprintf("%s: added, %s", c.Field, c.To)
	case "removed":
		return fmt.Sprintf("%s: removed, it was %s", c.Field, c.From)
	case "refused":
		return fmt.Sprintf("%s: %s", c.Field, c.Reason)
	default:
		return fmt.Sprintf("%s: %s from %s to %s", c.Field, c.What, c.From, c.To)
	}
}

// evolution collects the changes of a table.
type evolution struct{ changes []Change }

func (e *evolution) note(path, what, from, to string) {
	e.changes = append(e.changes, Change{Field: path, What: what, From: from, To: to})
}

func (e *evolution) refuse(path, format string, args ...any) {
	e.changes = append(e.changes, Change{Field: path, What: "refused", Reason: fmt.Sprintf(format, args...)})
}

func (e *evolution) isRefused() bool {
	return slices.ContainsFunc(e.changes, func(c Change) bool { return c.What == "refused" })
}

// evolve compares a table as it was saved with what is declared now.
func evolve(saved, want state.Table) *evolution {
	e := &evolution{}
	if saved.Distribution != want.Distribution {
		e.refuse("distribution", "saved as %s, now %s", saved.Distribution, want.Distribution)
	}
	if saved.Kind != want.Kind {
		e.refuse("kind", "saved as %s, now %s", saved.Kind, want.Kind)
	}
	e.keys("keys", saved.Keys, want.Keys)
	e.keys("namespace", saved.Namespace, want.Namespace)
	e.fields("values", saved.Values, want.Values)
	return e
}

// keys compares columns that tell rows apart: by position. Their types may only change so that equal values stay equal and keep their hash.
func (e *evolution) keys(path string, saved, want []columnar.Field) {
	if len(saved) != len(want) {
		e.refuse(path, "%d columns were saved, now there are %d", len(saved), len(want))
		return
	}
	for i, w := range want {
		s, at := saved[i], path+"."+w.Name
		if s.Name != w.Name {
			e.note(at, "renamed", s.Name, w.Name)
		}
		switch {
		case s.Nullable && !w.Nullable:
			e.refuse(at, "it could be null, now it cannot")
		case isAlike(s.Type, w.Type):
		case s.Type.IsInteger() && w.Type.IsInteger() && s.Type.Widens(w.Type), s.Type.Kind == columnar.Float32 && w.Type.Kind == columnar.Float64:
			e.note(at, "widened", s.Type.String(), w.Type.String())
		default:
			e.refuse(at, "%s was saved, now it is %s: %s cannot change so", s.Type, w.Type, path)
		}
	}
}

// fields compares columns, or fields of a struct, by name.
func (e *evolution) fields(path string, saved, want []columnar.Field) {
	for _, w := range want {
		if i := index(saved, w.Name); i >= 0 {
			e.field(path+"."+w.Name, saved[i], w)
		} else {
			e.note(path+"."+w.Name, "added", "", w.Type.String())
		}
	}
	for _, s := range saved {
		if index(want, s.Name) < 0 {
			e.note(path+"."+s.Name, "removed", s.Type.String(), "")
		}
	}
}

func index(fields []columnar.Field, name string) int {
	return slices.IndexFunc(fields, func(f columnar.Field) bool { return f.Name == name })
}

func (e *evolution) field(path string, saved, want columnar.Field) {
	if saved.Nullable && !want.Nullable {
		e.refuse(path, "it could be null, now it cannot")
		return
	}
	s, w := saved.Type, want.Type
	switch {
	case isAlike(s, w):
		if want.Nullable && !saved.Nullable {
			e.note(path, "widened", s.String(), s.String()+" or null")
		}
	case s.Kind == columnar.Struct && w.Kind == columnar.Struct:
		e.fields(path, s.Fields, w.Fields)
	case s.Kind == columnar.List && w.Kind == columnar.List:
		e.field(path+"[]", s.Fields[0], w.Fields[0])
	case s.Kind == columnar.Map && w.Kind == columnar.Map:
		e.keys(path+".keys", s.Fields[:1], w.Fields[:1])
		e.field(path+"[]", s.Fields[1], w.Fields[1])
	case s.Widens(w):
		e.note(path, "widened", s.String(), w.String())
	default:
		e.refuse(path, "%s was saved, now it is %s", s, w)
	}
}

// isAlike says whether two types are the same but for names that mean nothing: those of the items of lists and maps.
func isAlike(s, t columnar.Type) bool {
	if !s.IsNested() || s.Kind != t.Kind || len(s.Fields) != len(t.Fields) {
		return s.Equal(t)
	}
	for i, f := range s.Fields {
		g := t.Fields[i]
		if s.Kind == columnar.Struct && f.Name != g.Name || f.Nullable != g.Nullable || !isAlike(f.Type, g.Type) {
			return false
		}
	}
	return true
}
