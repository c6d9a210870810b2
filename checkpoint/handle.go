package checkpoint

import (
	"cmp"
	"fmt"

	"github.com/millrace/millrace/stream"
)

// Kind is why a checkpoint is made, and what becomes of it.
type Kind uint8

// The kinds. All but Checkpoint and Last are savepoints: self-contained, in a folder of the user's, and never removed by us.
const (
	Checkpoint Kind = iota // to recover from; replaced by the next
	Savepoint              // for the user; nothing is committed by it, as recovery does not start from it
	Stop                   // a savepoint after which the job ends, its input not: tasks take nothing in after their snapshot
	Drain                  // a savepoint after which the job ends: sources end first, and the end of time passes
	Last                   // of a job whose input has ended
)

var kindNames = [...]string{"checkpoint", "savepoint", "stop", "drain", "last"}

// String returns the kind's name, as manifests have it.
func (k Kind) String() string { return kindNames[k] }

// IsSavepoint says whether the user has asked for it and keeps it.
func (k Kind) IsSavepoint() bool { return k == Savepoint || k == Stop || k == Drain }

// Ends says whether the job ends with it.
func (k Kind) Ends() bool { return k == Stop || k == Drain || k == Last }

// MarshalText writes the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a name.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("unknown kind of checkpoint %q", text)
}

// Task names a task of a job.
type Task struct {
	Stage int `json:"stage"`
	Index int `json:"task"`
}

// String prints "stage 2 task 0".
func (t Task) String() string { return fmt.Sprintf("stage %d task %d", t.Stage, t.Index) }

func (t Task) compare(u Task) int { return cmp.Or(t.Stage-u.Stage, t.Index-u.Index) }

// Committable is durable output that is not yet visible: what a sink prepared for a checkpoint.
type Committable struct {
	Checkpoint stream.CheckpointID `json:"checkpoint"` // it was prepared for
	UID        string              `json:"uid"`        // of the sink
	Task       int                 `json:"task"`       // of the sink's
	Data       []byte              `json:"data"`       // the connector's own encoding
	Rows       int64               `json:"rows"`
	Bytes      int64               `json:"bytes"`
	Files      int                 `json:"files"`
}

// Handle is what a task's snapshot left: where its rows are, by operator.
type Handle struct {
	Checkpoint stream.CheckpointID `json:"checkpoint"`
	Task       Task                `json:"task"`
	Ended      bool                `json:"ended,omitempty"`     // its inputs had ended, and it had dealt with that
	Unaligned  bool                `json:"unaligned,omitempty"` // it did not wait for barriers
	Operators  []OperatorHandle    `json:"operators,omitempty"`
}

// OperatorHandle is what an operator's snapshot left in one task.
type OperatorHandle struct {
	UID    string            `json:"uid"`
	Tables []Table           `json:"tables,omitempty"`
	Rows   []Rows            `json:"rows,omitempty"`
	Native []NativeFile      `json:"native,omitempty"`
	Blobs  map[string][]byte `json:"blobs,omitempty"`
}
