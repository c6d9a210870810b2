package status

import "time"

// Checkpoints is what is known of a job's checkpoints and savepoints.
type Checkpoints struct {
	Completed int `json:"completed"` // since the job was started, savepoints too
	Failed    int `json:"failed"`
	// Restored is what the job went on from, at its start or after the last failure. nil: it began with nothing.
	Restored *Checkpoint  `json:"restored,omitempty"`
	Last     []Checkpoint `json:"last"` // some of the last ones, the latest first; it may still be in progress
}

// Checkpoint is a checkpoint or a savepoint.
type Checkpoint struct {
	ID         int64           `json:"id"`
	Kind       CheckpointKind  `json:"kind"`
	State      CheckpointState `json:"state"`
	URL        string          `json:"url,omitempty"` // the folder that --from takes, of a complete one
	Started    time.Time       `json:"started"`
	Duration   float64         `json:"duration_s"`  // until it was complete or failed
	Bytes      int64           `json:"bytes"`       // written for it
	StateBytes int64           `json:"state_bytes"` // of the whole state, with what earlier ones have written
	// Unaligned says that tasks did not wait for barriers; InFlightBytes, a part of Bytes, hold what was on its way to them.
	Unaligned     bool   `json:"unaligned,omitempty"`
	InFlightBytes int64  `json:"in_flight_bytes,omitempty"`
	Error         string `json:"error,omitempty"` // why it failed
}

// CheckpointKind says who asked for it and who owns it.
type CheckpointKind string

// The kinds.
const (
	Periodic  CheckpointKind = "checkpoint" // the engine's: it is removed when enough later ones are complete
	Savepoint CheckpointKind = "savepoint"  // the user's
)

// CheckpointState is how far a checkpoint has come.
type CheckpointState string

// The states of checkpoints.
const (
	InProgress CheckpointState = "in progress"
	Complete   CheckpointState = "complete"
	NotMade    CheckpointState = "failed"
)

// LastComplete returns the latest complete one of Last, nil without one.
func (c *Checkpoints) LastComplete() *Checkpoint {
	for i := range c.Last {
		if c.Last[i].State == Complete {
			return &c.Last[i]
		}
	}
	return nil
}

// FailedInARow returns how many of Last have failed since the latest complete one.
func (c *Checkpoints) FailedInARow() int {
	n := 0
	for _, l := range c.Last {
		switch l.State {
		case Complete:
			return n
		case NotMade:
			n++
		case InProgress:
		}
	}
	return n
}

// end returns when it was complete or had failed.
func (c *Checkpoint) end() time.Time {
	return c.Started.Add(time.Duration(c.Duration * float64(time.Second)))
}
