package coordinator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/millrace/millrace/connectors"
)

// Publication is what a run has prepared for one sink.
type Publication struct {
	Name     string // of the sink's node, for messages
	Sink     connectors.Sink
	Env      connectors.Env // of the run that prepared
	Prepared []connectors.Committable
}

// PublishError says that some of a job's outputs are visible, or may be, and others are not. What was prepared for these is still there.
type PublishError struct {
	Done, Left []string // names
	Err        error
}

// Error names both.
func (e *PublishError) Error() string {
	done := "none of the job's outputs"
	if len(e.Done) > 0 {
		done = strings.Join(e.Done, ", ")
	}
	return fmt.Sprintf("published: %s; not published: %s: %v", done, strings.Join(e.Left, ", "), e.Err)
}

// Unwrap returns why.
func (e *PublishError) Unwrap() error { return e.Err }

// Publish makes visible what was prepared for all sinks. No store commits to several places at once, so it goes in three steps: all sinks are
// asked whether they can; decided is told, which writes down what is to be done; then each is committed, one that fails once more behind the
// others. An error before decided has returned means that nothing is visible; after it, it is a *PublishError, and to call Publish again
// with the same publications ends the work, for commits are idempotent. Once decided, the end of ctx stops nothing.
func Publish(ctx context.Context, all []Publication, decided func()) ([]connectors.Published, error) {
	committers := make([]connectors.Committer, len(all))
	for i, p := range all {
		var err error
		if committers[i], err = p.Sink.NewCommitter(p.Env); err == nil {
			err = check(ctx, committers[i], p)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	decided()
	return commit(context.WithoutCancel(ctx), all, committers)
}

func check(ctx context.Context, c connectors.Committer, p Publication) error {
	if c, ok := c.(connectors.Checker); ok {
		return c.Check(ctx, p.Prepared)
	}
	return ctx.Err()
}

// commit commits all, in two rounds.
func commit(ctx context.Context, all []Publication, committers []connectors.Committer) ([]connectors.Published, error) {
	published, failed := make([]connectors.Published, len(all)), make([]error, len(all))
	for i, p := range all {
		published[i], failed[i] = committers[i].Commit(ctx, p.Prepared, true)
	}
	for i, p := range all {
		if failed[i] != nil {
			published[i], failed[i] = committers[i].Commit(ctx, p.Prepared, true)
		}
	}
	err := errors.Join(failed...)
	if err == nil {
		return published, nil
	}
	e := &PublishError{Err: err}
	for i, p := range all {
		if failed[i] == nil {
			e.Done = append(e.Done, p.Name)
		} else {
			e.Left = append(e.Left, p.Name)
		}
	}
	return published, e
}
