package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
)

const (
	formatName    = "millrace checkpoint"
	formatVersion = 2 // the greatest that is known
	manifestName  = "manifest.json"
)

// ErrDamaged is what errors match that say of a checkpoint that it is not as it was written.
var ErrDamaged = errors.New("the checkpoint is damaged")

// Manifest describes a complete checkpoint. Package documentation has the format.
type Manifest struct {
	ID    stream.CheckpointID `json:"id"`
	Kind  Kind                `json:"kind"`
	Job   string              `json:"job"`
	Run   string              `json:"run"`   // the incarnation that made it
	Epoch int64               `json:"epoch"` // its number in the folder
	Time  time.Time           `json:"time"`
	// Root is the folder that paths are relative to, relative to the manifest's folder: ".." or ".".
	Root string `json:"root"`
	// Moved is the URL of the folder of the savepoint that this stands for; nothing else is set but what is above.
	Moved string `json:"moved,omitempty"`
	// Unaligned says that some tasks did not wait for barriers: rows that were in flight are in tables of their own.
	Unaligned bool `json:"unaligned,omitempty"`
	// Plan is what the coordinator wants to find again about the job's graph; Fingerprint tells graphs apart.
	Fingerprint  string          `json:"fingerprint,omitempty"`
	Plan         json.RawMessage `json:"plan,omitempty"`
	Operators    []Operator      `json:"operators,omitempty"`
	Committables []Committable   `json:"committables,omitempty"` // to be committed by whoever begins from here, in this order
}

// Operator is the state of one operator.
type Operator struct {
	UID         string  `json:"uid"`
	Name        string  `json:"name,omitempty"`
	Parallelism int     `json:"parallelism"`
	KeyGroups   int     `json:"keyGroups,omitempty"` // how many there are; 0: it has no keyed tables
	Enumerator  []byte  `json:"enumerator,omitempty"`
	Tables      []Table `json:"tables,omitempty"`
	Parts       []Part  `json:"parts,omitempty"` // by task
}

// Operator returns the operator of that UID, nil if there is none.
func (m *Manifest) Operator(uid string) *Operator {
	for i := range m.Operators {
		if m.Operators[i].UID == uid {
			return &m.Operators[i]
		}
	}
	return nil
}

// Bytes is the size of all files and inline data.
func (m *Manifest) Bytes() (n int64) {
	for f := range m.files {
		n += f.Size
	}
	return n
}

// Written is the size of what was written for it: without files of earlier checkpoints.
func (m *Manifest) Written() (n int64) {
	for f := range m.files {
		if dir := path.Dir(f.Path); f.isInline() || dir == "." || dir == checkpointDir(m.ID) {
			n += f.Size
		}
	}
	return n
}

// files yields all files.
func (m *Manifest) files(yield func(*File) bool) {
	for i := range m.Operators {
		for j := range m.Operators[i].Parts {
			p := &m.Operators[i].Parts[j]
			for k := range p.Tables {
				for l := range p.Tables[k].Files {
					if !yield(&p.Tables[k].Files[l]) {
						return
					}
				}
			}
			for k := range p.Native {
				if !yield(&p.Native[k].File) {
					return
				}
			}
		}
	}
}

// byPath returns all files by where they lie, in order of their places there; those that are inline under "".
func (m *Manifest) byPath() map[string][]*File {
	out := map[string][]*File{}
	for f := range m.files {
		out[f.Path] = append(out[f.Path], f)
	}
	for _, files := range out {
		slices.SortStableFunc(files, func(a, b *File) int { return cmp.Compare(a.Offset, b.Offset) })
	}
	return out
}

// allGroups is all key groups. Rows of tables that are not keyed count as of the first.
func (o *Operator) allGroups() state.Groups {
	n := max(o.KeyGroups, 1)
	return state.Groups{To: n, Max: n}
}

// KeyGroups is how many key groups the job has, by which its keyed tables are divided; 0: no operator says.
func (m *Manifest) KeyGroups() int {
	for _, o := range m.Operators {
		if o.KeyGroups > 0 {
			return o.KeyGroups
		}
	}
	return 0
}

// Table returns the description of the table of that name.
func (o *Operator) Table(name string) (Table, bool) {
	for _, t := range o.Tables {
		if t.Name == name {
			return t, true
		}
	}
	return Table{}, false
}

// Rows returns how many rows of a table all tasks have together, -1 when it is not known.
func (o *Operator) Rows(table string) (n int64) {
	for _, p := range o.Parts {
		if p.isNative(table) && !o.isInFlight(table) {
			return -1
		}
		for _, t := range p.Tables {
			if t.Table == table {
				n += t.Rows
			}
		}
	}
	return n
}

// envelope is what a manifest is written in.
type envelope struct {
	Format   string          `json:"format"`
	Version  int             `json:"version"`
	Check    Check           `json:"check"` // of Manifest without blanks
	Manifest json.RawMessage `json:"manifest"`
}

// Encode writes a manifest as it stands in its file.
func (m *Manifest) Encode() ([]byte, error) {
	body, err := encodeJSON(m, "")
	if err != nil {
		return nil, fmt.Errorf("writing a manifest: %w", err)
	}
	body = bytes.TrimSuffix(body, []byte("\n"))
	return encodeJSON(envelope{Format: formatName, Version: m.version(), Check: Check(xxh3.Hash(body)), Manifest: body}, " ")
}

// version is the least version of the format that has what is in the manifest.
func (m *Manifest) version() int {
	for f := range m.files {
		if f.Merged {
			return 2
		}
	}
	return 1
}

// encodeJSON writes v as it is: json.Marshal would make \u003c of <.
func encodeJSON(v any, indent string) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return out.Bytes(), err
}

// Decode reads a manifest. The error matches ErrDamaged when the data is not what was written, and not when a later version wrote it.
func Decode(data []byte) (*Manifest, error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("%w: its manifest: %w", ErrDamaged, err)
	}
	if e.Format != formatName || e.Version < 1 {
		return nil, fmt.Errorf("%w: %q version %d is no manifest", ErrDamaged, e.Format, e.Version)
	}
	if e.Version > formatVersion {
		return nil, fmt.Errorf("the checkpoint has format %d; this program knows formats up to %d", e.Version, formatVersion)
	}
	var body bytes.Buffer
	if err := json.Compact(&body, e.Manifest); err != nil {
		return nil, fmt.Errorf("%w: its manifest: %w", ErrDamaged, err)
	}
	if Check(xxh3.Hash(body.Bytes())) != e.Check {
		return nil, fmt.Errorf("%w: its manifest has another check than it says", ErrDamaged)
	}
	m := &Manifest{}
	if err := json.Unmarshal(body.Bytes(), m); err != nil {
		return nil, fmt.Errorf("%w: its manifest: %w", ErrDamaged, err)
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("%w: its manifest: %w", ErrDamaged, err)
	}
	return m, nil
}

// validate checks what reading relies on.
func (m *Manifest) validate() error {
	if m.Root != "." && m.Root != ".." {
		return fmt.Errorf("an impossible root %q", m.Root)
	}
	for _, o := range m.Operators {
		if err := o.validate(); err != nil {
			return fmt.Errorf("operator %q: %w", o.UID, err)
		}
	}
	for f := range m.files {
		if err := f.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (o *Operator) validate() error {
	if o.Parallelism < 0 || o.KeyGroups < 0 || o.KeyGroups&(o.KeyGroups-1) != 0 {
		return fmt.Errorf("parallelism %d, %d key groups", o.Parallelism, o.KeyGroups)
	}
	for _, t := range o.Tables {
		if t.Distribution == state.Keyed && o.KeyGroups == 0 {
			return fmt.Errorf("table %q is keyed, without key groups", t.Name)
		}
	}
	for _, p := range o.Parts {
		for _, t := range p.Tables {
			if _, ok := o.Table(t.Table); !ok {
				return fmt.Errorf("%s has rows of an unknown table %q", p.Task, t.Table)
			}
		}
	}
	return nil
}

func (f *File) validate() error {
	if f.isInline() && int64(len(f.Inline)) != f.Size || !f.isInline() && !isInside(f.Path) {
		return fmt.Errorf("an impossible file %q of %d bytes", f.Path, f.Size)
	}
	if f.Offset < 0 || f.Offset+f.Size < f.Offset || f.Offset > 0 && !f.Merged || f.Merged && f.isInline() {
		return fmt.Errorf("an impossible place of %d bytes at %d in file %q", f.Size, f.Offset, f.Path)
	}
	var rows int64
	for _, s := range f.Index {
		if s.From < 0 || s.Last < s.From || s.Rows < 0 {
			return fmt.Errorf("file %q: an impossible entry %v of its index", f.Path, s)
		}
		rows += int64(s.Rows)
	}
	if rows != f.Rows || f.Size < 0 {
		return fmt.Errorf("file %q: %d rows in its index, %d in all", f.Path, rows, f.Rows)
	}
	return nil
}

// isInside says whether a relative path stays in its folder.
func isInside(p string) bool {
	return p != "" && p == path.Clean(p) && !path.IsAbs(p) && p != "." && p != ".." && !strings.HasPrefix(p, "../")
}
