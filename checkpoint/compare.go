package checkpoint

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/millrace/millrace/state"
)

// Verdict is what a new version of a job makes of saved state.
type Verdict uint8

// The verdicts, from the best to the worst.
const (
	Same     Verdict = iota // it is taken over as it is
	New                     // nothing was saved, and nothing is missed
	Migrates                // it is taken over, changed by rule
	Rebuilt                 // it does not fit and begins empty: nothing was in it, or what was may be lost
	Dropped                 // nobody declares it any more: nothing was in it, or what was may be lost
	Refused                 // it does not fit
)

var verdictNames = [...]string{"same", "new", "migrates", "rebuilt", "dropped", "refused"}

// String returns the verdict's name.
func (v Verdict) String() string { return verdictNames[v] }

// MarshalText writes the name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Declared is an operator of the job as it is now.
type Declared struct {
	UID       string
	Name      string
	IsSource  bool
	KeyGroups int // 0: as saved
	Tables    []state.Table
}

// Comparison is what a job makes of a checkpoint.
type Comparison struct {
	Checkpoint string            `json:"checkpoint"` // "savepoint 12 of clicks, 2026-11-22T18:00:00Z"
	Operators  []OperatorVerdict `json:"operators"`
}

// OperatorVerdict is the verdict on an operator.
type OperatorVerdict struct {
	UID     string         `json:"uid"`
	Name    string         `json:"name,omitempty"`
	Verdict Verdict        `json:"verdict"`
	Reasons []string       `json:"reasons,omitempty"`
	Tables  []TableVerdict `json:"tables,omitempty"`
}

// TableVerdict is the verdict on a table.
type TableVerdict struct {
	Table   string   `json:"table"`
	Rows    int64    `json:"rows"` // saved; -1: not known
	Verdict Verdict  `json:"verdict"`
	Changes []Change `json:"changes,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
}

// IsRefused says whether the job cannot begin from the checkpoint.
func (c Comparison) IsRefused() bool { return c.Worst() == Refused }

// Worst returns the worst verdict on an operator.
func (c Comparison) Worst() (v Verdict) {
	for _, o := range c.Operators {
		v = max(v, o.Verdict)
	}
	return v
}

// Compare says for each operator with state, of a checkpoint or of a job, what becomes of it: by UID, and in it by the names of tables, of
// columns and of fields. Columns and fields may be added (they begin as null, or as Go's zero), removed and widened; tables are renamed by
// Was. Keys and namespaces may only be renamed, and widened where the hash stays. State that would be lost is refused, unless allowed has the
// operator's UID; another number of key groups is refused always.
func Compare(m *Manifest, declared []Declared, allowed []string) Comparison {
	out := Comparison{Checkpoint: m.String()}
	for _, d := range declared {
		if o := m.Operator(d.UID); !d.IsSource && len(d.Tables) == 0 && (o == nil || o.isStateless()) {
			continue
		}
		out.Operators = append(out.Operators, compareOperator(m.Operator(d.UID), d, slices.Contains(allowed, d.UID)))
	}
	for _, o := range m.Operators {
		if !o.isStateless() && !slices.ContainsFunc(declared, func(d Declared) bool { return d.UID == o.UID }) {
			out.Operators = append(out.Operators, missing(&o, slices.Contains(allowed, o.UID)))
		}
	}
	return out
}

// String prints "savepoint 12 of clicks, 2026-11-22T18:00:00Z".
func (m *Manifest) String() string {
	return fmt.Sprintf("%s %d of %s, %s", m.Kind, m.ID, m.Job, m.Time.Format("2006-01-02T15:04:05Z07:00"))
}

// missing is the verdict on an operator that the job does not have.
func missing(o *Operator, allowed bool) OperatorVerdict {
	v := OperatorVerdict{UID: o.UID, Name: o.Name, Verdict: Dropped}
	var rows int64
	for _, t := range o.Tables {
		if n := o.Rows(t.Name); n >= 0 && rows >= 0 {
			rows += n
		} else {
			rows = -1
		}
	}
	switch {
	case rows == 0 && o.Enumerator == nil:
		v.Reasons = []string{"nothing was in it"}
	case rows == 0 && allowed:
		v.Reasons = []string{"where it had got to is lost, as allowed"}
	case allowed:
		v.Reasons = []string{count(rows) + " are lost, as allowed"}
	case rows == 0:
		v.Verdict, v.Reasons = Refused, []string{"the job has no such source: where it had got to would be lost; give the source this UID, or allow its loss by name"}
	default:
		v.Verdict = Refused
		v.Reasons = []string{fmt.Sprintf("the job has no such operator: %s would be lost; give the operator this UID, or allow their loss by name", count(rows))}
	}
	return v
}

// count prints a number of rows, which may not be known.
func count(rows int64) string {
	if rows < 0 {
		return "its rows"
	}
	return fmt.Sprintf("%d rows", rows)
}

func compareOperator(o *Operator, d Declared, allowed bool) OperatorVerdict {
	v := OperatorVerdict{UID: d.UID, Name: d.Name}
	if o == nil {
		v.Verdict = New
		return v
	}
	if d.KeyGroups > 0 && d.KeyGroups != o.KeyGroups && o.hasKeyed() {
		v.Verdict = Refused
		v.Reasons = append(v.Reasons, fmt.Sprintf("the job's first checkpoint has fixed %d key groups, and it is set to %d now: leave the setting key-groups out", o.KeyGroups, d.KeyGroups))
	}
	known := map[string]bool{}
	for _, t := range d.Tables {
		saved, ok := savedTable(o, t)
		if ok {
			known[saved.Name] = true
		} else if t.Kind == InFlightKind { // most checkpoints have nothing in flight
			continue
		}
		v.Tables = append(v.Tables, compareTable(o, saved, ok, t, allowed))
	}
	for _, t := range o.Tables {
		if !known[t.Name] {
			v.Tables = append(v.Tables, missingTable(o, t, allowed))
		}
	}
	for _, t := range v.Tables {
		if t.Verdict == New && v.Verdict < Migrates {
			v.Verdict = Migrates // the operator as a whole is not new
		} else {
			v.Verdict = max(v.Verdict, t.Verdict)
		}
	}
	return v
}

// isStateless says whether the operator can have nothing that is to be found again.
func (o *Operator) isStateless() bool { return len(o.Tables) == 0 && o.Enumerator == nil }

// hasKeyed says whether some of the operator's tables are divided by key group.
func (o *Operator) hasKeyed() bool {
	return slices.ContainsFunc(o.Tables, func(t Table) bool { return t.Distribution == state.Keyed })
}

func missingTable(o *Operator, t Table, allowed bool) TableVerdict {
	v := TableVerdict{Table: t.Name, Rows: o.Rows(t.Name), Verdict: Dropped}
	switch {
	case v.Rows == 0:
		v.Reasons = []string{"nothing was in it"}
	case allowed:
		v.Reasons = []string{count(v.Rows) + " are lost, as allowed"}
	case t.Kind == InFlightKind:
		v.Verdict = Refused
		v.Reasons = []string{fmt.Sprintf("the job has no such exchange: %s that were on their way would be lost; begin from a savepoint, which has none", count(v.Rows))}
	default:
		v.Verdict = Refused
		v.Reasons = []string{fmt.Sprintf("it is not declared: %s would be lost; if it has another name now, say was=%s there, or allow the loss by the operator's UID", count(v.Rows), t.Name)}
	}
	return v
}

func compareTable(o *Operator, saved Table, ok bool, want state.Table, allowed bool) TableVerdict {
	v := TableVerdict{Table: want.Name}
	if !ok {
		v.Verdict = New
		return v
	}
	v.Rows = o.Rows(saved.Name)
	e := evolve(saved.Table, want)
	v.Changes = e.changes
	if saved.Name != want.Name {
		v.Changes = append([]Change{{Field: "name", What: "renamed", From: saved.Name, To: want.Name}}, v.Changes...)
	}
	switch {
	case !e.isRefused() && len(v.Changes) == 0:
	case !e.isRefused():
		v.Verdict = Migrates
	case v.Rows == 0:
		v.Verdict, v.Reasons = Rebuilt, []string{"nothing was in it"}
	case allowed:
		v.Verdict, v.Reasons = Rebuilt, []string{count(v.Rows) + " are lost, as allowed"}
	default:
		v.Verdict = Refused
	}
	return v
}

// Write prints the comparison for a person: a line for an operator, and below it what is to be said about its tables.
func (c Comparison) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintln(&b, c.Checkpoint)
	for _, o := range c.Operators {
		fmt.Fprintf(&b, "%-8s  %s", o.Verdict, o.UID)
		if o.Name != "" && o.Name != o.UID {
			fmt.Fprintf(&b, "  (%s)", o.Name)
		}
		b.WriteByte('\n')
		for _, r := range o.Reasons {
			fmt.Fprintf(&b, "          %s\n", r)
		}
		for _, t := range o.Tables {
			t.write(&b)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t TableVerdict) write(b *strings.Builder) {
	if t.Verdict == Same {
		return
	}
	fmt.Fprintf(b, "          %-8s  %s", t.Verdict, t.Table)
	if len(t.Reasons) > 0 {
		fmt.Fprintf(b, ": %s", strings.Join(t.Reasons, "; "))
	}
	b.WriteByte('\n')
	for _, c := range t.Changes {
		fmt.Fprintf(b, "                    %s\n", c)
	}
}
