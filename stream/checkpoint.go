package stream

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
)

// CheckpointID numbers the checkpoints of a job from 1, over all its incarnations.
type CheckpointID int64

// Stateful is an operator whose state goes into checkpoints.
type Stateful interface {
	// Tables says what the operator keeps for inputs of those schemas. It may be called without Open, on an operator that is then thrown
	// away: so a new version of a job is compared with a savepoint before anything runs.
	Tables(in []*columnar.Schema) ([]state.Table, error)
	// Restore gives rows of table number i of Tables back: after Open, before anything else, any number of times. They have the table's
	// schema. Of a keyed table they are those of the task's key groups. b is fresh.
	Restore(i int, b columnar.Batch) error
	// Snapshot freezes the state as it is, between two batches. It is the synchronous part of a checkpoint and takes no longer than a batch:
	// what it returns is read by another goroutine while the operator goes on.
	Snapshot(cp CheckpointID) (state.Frozen, error)
}

// Notified is an operator that wants to know what became of checkpoints. Calls may be lost: Completed(n) stands for all up to n.
type Notified interface {
	Completed(cp CheckpointID) error
	Aborted(cp CheckpointID) error
}
