package checkpoint

import "github.com/millrace/millrace/state"

// Part is what one task has of an operator.
type Part struct {
	Task  Task `json:"task"`
	Ended bool `json:"ended,omitempty"` // its inputs had ended, and it had dealt with that
	// Blobs are what the operator's surroundings want to find again, by name: a watermark.
	Blobs  map[string][]byte `json:"blobs,omitempty"`
	Tables []Rows            `json:"tables,omitempty"`
	// Native is the tables that are not among Tables, as files of the back end's; how many rows they have is not known.
	Native []NativeFile `json:"native,omitempty"`
}

// Rows is the rows that one task has of a table: those of all files, in order.
type Rows struct {
	Table string `json:"table"` // its name
	Rows  int64  `json:"rows"`
	Files []File `json:"files,omitempty"`
}

// File is some rows of a table, as a file or as the bytes of one.
type File struct {
	Path   string `json:"path,omitempty"`   // relative to the root of the checkpoint; "" when Inline
	Inline []byte `json:"inline,omitempty"` // what would be in the file, when that is little
	Merged bool   `json:"merged,omitempty"` // the file at Path has others behind each other, this one from Offset on
	Offset int64  `json:"offset,omitempty"`
	Size   int64  `json:"size"` // bytes
	Rows   int64  `json:"rows"`
	Check  Check  `json:"check"` // of the bytes
	// Index has an entry for each record batch, in order.
	Index []Span `json:"index,omitempty"`
}

func (f *File) isInline() bool { return f.Path == "" }

// NativeFile is a file of a back end's own format.
type NativeFile struct {
	Name string `json:"name"` // as the back end knows it
	File
}

// Span is the key groups that a record batch has rows of, From to Last, and how many rows it has. Of tables that are not keyed both are 0.
// It is written as [from, last, rows].
type Span struct{ From, Last, Rows int }

// meets says whether the batch can have rows of those groups.
func (s Span) meets(g state.Groups) bool { return s.From < g.To && s.Last >= g.From }
