package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

// Inspection says what is to be shown of a checkpoint.
type Inspection struct {
	Operator string // its UID; "": all
	Key      string // show the rows of that key: its columns as text, with "," between them; "": none
	Rows     int    // at most so many rows of a table; 0: 100
}

// Report is what is shown.
type Report struct {
	ID        stream.CheckpointID `json:"id"`
	Kind      Kind                `json:"kind"`
	Job       string              `json:"job"`
	Run       string              `json:"run"`
	Time      time.Time           `json:"time"`
	Bytes     int64               `json:"bytes"`
	Unaligned bool                `json:"unaligned,omitempty"`
	InFlight  int64               `json:"inFlightBytes,omitempty"` // of Bytes: rows on their way to operators
	Operators []OperatorReport    `json:"operators"`
	// Uncommitted is how much output is to be committed by whoever begins from here.
	Uncommitted int `json:"uncommitted"`
}

// OperatorReport is what is shown of an operator.
type OperatorReport struct {
	UID         string        `json:"uid"`
	Name        string        `json:"name,omitempty"`
	Parallelism int           `json:"parallelism"`
	KeyGroups   int           `json:"keyGroups,omitempty"`
	Enumerator  int           `json:"enumeratorBytes,omitempty"`
	Native      int64         `json:"nativeBytes,omitempty"` // in files of a back end's own
	Tables      []TableReport `json:"tables"`
}

// TableReport is what is shown of a table.
type TableReport struct {
	Table Table `json:"table"`
	Rows  int64 `json:"rows"` // -1: not known, as it is saved in the back end's own files
	// Keys is the number of keys, where each has a row of its own; else -1, for it takes reading all to know.
	Keys  int64            `json:"keys"`
	Bytes int64            `json:"bytes"`
	Files int              `json:"files"`
	Found []map[string]any `json:"found,omitempty"` // the rows of the key, by column
	more  bool
	asked bool // for the rows of a key
}

// Inspect reads what is to be shown. To find a key it reads the rows of its key group, where the key's text says which that is, else all.
func (s *Saved) Inspect(ctx context.Context, what Inspection) (*Report, error) {
	if what.Rows == 0 {
		what.Rows = 100
	}
	m := s.Manifest
	r := &Report{
		ID: m.ID, Kind: m.Kind, Job: m.Job, Run: m.Run, Time: m.Time, Bytes: m.Bytes(), Unaligned: m.Unaligned, InFlight: m.InFlight(),
		Uncommitted: len(m.Committables), Operators: []OperatorReport{},
	}
	if what.Operator != "" && m.Operator(what.Operator) == nil {
		var known []string
		for _, o := range m.Operators {
			if !o.isStateless() {
				known = append(known, o.UID)
			}
		}
		return nil, fmt.Errorf("%s has no operator %q; it has %s", m, what.Operator, strings.Join(known, ", "))
	}
	for _, o := range m.Operators {
		if what.Operator != "" && o.UID != what.Operator || what.Operator == "" && o.isStateless() {
			continue
		}
		or := OperatorReport{UID: o.UID, Name: o.Name, Parallelism: o.Parallelism, KeyGroups: o.KeyGroups, Enumerator: len(o.Enumerator), Tables: []TableReport{}}
		for _, p := range o.Parts {
			for _, f := range p.Native {
				or.Native += f.Size
			}
		}
		for _, t := range o.Tables {
			tr, err := s.inspectTable(ctx, &o, t, what)
			if err != nil {
				return nil, fmt.Errorf("reading table %q of %s: %w", t.Name, o.UID, err)
			}
			or.Tables = append(or.Tables, tr)
		}
		r.Operators = append(r.Operators, or)
	}
	return r, nil
}

func (s *Saved) inspectTable(ctx context.Context, o *Operator, t Table, what Inspection) (TableReport, error) {
	r := TableReport{Table: t, Rows: o.Rows(t.Name), Keys: -1}
	if t.Distribution == state.Keyed && len(t.Namespace) == 0 {
		r.Keys = r.Rows
	}
	for _, p := range o.Parts {
		for _, rows := range p.Tables {
			if rows.Table != t.Name {
				continue
			}
			for _, f := range rows.Files {
				r.Bytes += f.Size
				r.Files++
			}
		}
		if r.asked = what.Key != "" && t.Distribution == state.Keyed; !r.asked {
			continue
		}
		if err := s.find(ctx, o, p, t.Table, what, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

// find adds the rows in one task that have the key.
func (s *Saved) find(ctx context.Context, o *Operator, p Part, t state.Table, what Inspection, r *TableReport) error {
	wanted := o.allGroups()
	if group, ok := groupOf(what.Key, t, o.KeyGroups); ok {
		wanted.From, wanted.To = group, group+1
	}
	in, err := s.reader(ctx, o, p, wanted)
	if err != nil {
		return err
	}
	defer in.release()
	return in.each(ctx, t, wanted, func(b columnar.Batch) error {
		for i := range b.Len {
			if keyText(b, len(t.Keys), i) != what.Key {
				continue
			}
			if len(r.Found) == what.Rows {
				r.more = true
				return nil
			}
			row := map[string]any{}
			for k, field := range b.Schema.Fields {
				row[field.Name] = value(&b.Columns[k], i)
			}
			r.Found = append(r.Found, row)
		}
		return nil
	})
}

// keyText prints a row's key as users write it: its columns, which stand behind the key group, with commas between them; of a struct its fields.
func keyText(b columnar.Batch, n, row int) string {
	var parts []string
	for i := 1; i <= n; i++ {
		parts = append(parts, keyCell(&b.Columns[i], row))
	}
	return strings.Join(parts, ",")
}

func keyCell(c *columnar.Column, row int) string {
	if c.Type.Kind != columnar.Struct || c.IsNull(row) {
		return cell(c, row)
	}
	var parts []string
	for i := range c.Children {
		parts = append(parts, keyCell(&c.Children[i], row))
	}
	return strings.Join(parts, ",")
}

// WriteJSON prints the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Write prints the report for a person.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d of %s, run %s, %s: %s, %d %s with state\n", r.Kind, r.ID, r.Job, r.Run, r.Time.Format(time.RFC3339), size(r.Bytes),
		len(r.Operators), plural("operator", len(r.Operators)))
	if r.Unaligned {
		fmt.Fprintf(&b, "unaligned: %s were in flight\n", size(r.InFlight))
	}
	if r.Uncommitted > 0 {
		fmt.Fprintf(&b, "%d pieces of output are to be committed by who begins from it\n", r.Uncommitted)
	}
	for _, o := range r.Operators {
		o.write(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func (o OperatorReport) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s", o.UID)
	if o.Name != "" && o.Name != o.UID {
		fmt.Fprintf(b, "  (%s)", o.Name)
	}
	fmt.Fprintf(b, "  parallelism %d", o.Parallelism)
	if o.KeyGroups > 0 {
		fmt.Fprintf(b, ", %d key groups", o.KeyGroups)
	}
	if o.Enumerator > 0 {
		fmt.Fprintf(b, ", splits %s", size(int64(o.Enumerator)))
	}
	if o.Native > 0 {
		fmt.Fprintf(b, ", %s in files of the back end", size(o.Native))
	}
	b.WriteByte('\n')
	for _, t := range o.Tables {
		t.write(b)
	}
}

func (t TableReport) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %s  %s", t.Table.Name, t.Table.Distribution)
	if t.Table.Kind != "" {
		fmt.Fprintf(b, " %s", t.Table.Kind)
	}
	if t.Rows >= 0 {
		fmt.Fprintf(b, "  %d rows", t.Rows)
		if t.Keys >= 0 {
			fmt.Fprintf(b, ", %d keys", t.Keys)
		}
		fmt.Fprintf(b, ", %s in %d files", size(t.Bytes), t.Files)
	}
	if t.Table.TTL > 0 {
		fmt.Fprintf(b, ", kept for %s", t.Table.TTL)
	}
	b.WriteByte('\n')
	for _, part := range []struct {
		name   string
		fields []columnar.Field
	}{{"key", t.Table.Keys}, {"namespace", t.Table.Namespace}, {"value", t.Table.Values}} {
		for _, f := range part.fields {
			fmt.Fprintf(b, "    %-9s  %s\n", part.name, f)
		}
	}
	for _, row := range t.Found {
		// Columns in their order, not in that of their names.
		var cells []string
		for _, f := range fileSchema(t.Table.Table).Fields {
			text, err := json.Marshal(row[f.Name])
			if err != nil {
				text = fmt.Appendf(nil, "%v", row[f.Name])
			}
			cells = append(cells, f.Name+"="+string(text))
		}
		fmt.Fprintf(b, "    row        %s\n", strings.Join(cells, " "))
	}
	if t.more {
		fmt.Fprintf(b, "    and more\n")
	}
	if t.asked && len(t.Found) == 0 {
		fmt.Fprintf(b, "    no row has that key\n")
	}
}

func size(n int64) string {
	for _, u := range []struct {
		unit string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.size), u.unit)
		}
	}
	return fmt.Sprintf("%d B", n)
}
