package connectors

import (
	"context"
	"errors"

	"github.com/millrace/millrace/stream"
)

// Undoer is the Committer of a stream that can take commits back. A job that finds its newest checkpoint damaged goes on from an older one and
// makes again what the newer one had committed. So before anything runs each sink is asked by CheckBack, and then told by TakeBack; where one of
// them cannot, or is no Undoer, the job is refused, unless its user allows duplicates. Of an Undoer CommitAt is called instead of Commit.
//
// Calls are repeated after crashes and failures: all of them are idempotent.
type Undoer interface {
	Committer
	// CommitAt is Commit for a checkpoint. How to take it back is remembered, where a later run finds it, until a later commit says that the
	// job does not go back behind this checkpoint.
	CommitAt(ctx context.Context, at Point, c []Committable, final bool) (Published, error)
	// CheckBack looks whether TakeBack can do its work, and changes nothing that is visible. ErrPublic: it cannot.
	CheckBack(ctx context.Context, to stream.CheckpointID) error
	// TakeBack makes invisible what checkpoints after that one have committed, as far as it can. Their committables can be committed again.
	TakeBack(ctx context.Context, to stream.CheckpointID) error
	// Settle says that all that has been committed stays: the job starts anew, or from where its user wants it to. It does not go back
	// behind that checkpoint, which is the last of the runs before.
	Settle(ctx context.Context, at stream.CheckpointID) error
}

// Point is where a stream is when output is committed.
type Point struct {
	ID     stream.CheckpointID // the checkpoint whose output it is
	Oldest stream.CheckpointID // the oldest one that the job may go back to
}

// ErrPublic says that what has been committed cannot be taken back.
var ErrPublic = errors.New("what has been published cannot be taken back")
