package coordinator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/plan/physical"
	"github.com/millrace/millrace/stream"
)

// Origin is what a job begins from.
type Origin struct {
	Saved *checkpoint.Saved // nil: nothing
	// To is the checkpoint of the job's own folder that it stands on: Saved's or, where Saved is from elsewhere or nil, the last of the runs
	// before. What later ones have committed the job makes again.
	To stream.CheckpointID
	// Settled says that the user wants it so: what has been committed stays.
	Settled bool
	Skipped []checkpoint.Skipped // damaged ones after To
}

// DuplicatesError says that the job would write again what it cannot take back, as it has to go on from a checkpoint before that.
type DuplicatesError struct {
	To      stream.CheckpointID
	Skipped []checkpoint.Skipped
	Doubled []string // by sink: what would be there twice
}

// Error names the damage and the sinks.
func (e *DuplicatesError) Error() string {
	var b strings.Builder
	if len(e.Skipped) > 0 {
		fmt.Fprintf(&b, "checkpoint %d cannot be used: %v\n", e.Skipped[0].ID, e.Skipped[0].Err)
	}
	fmt.Fprintf(&b, "to go on from checkpoint %d would write again what later ones have published:\n", e.To)
	for _, text := range e.Doubled {
		fmt.Fprintf(&b, "  %s\n", text)
	}
	b.WriteString("--allow-duplicates goes on nevertheless")
	return b.String()
}

// written is a sink of the job and its committer.
type written struct {
	node      *plan.Node
	uid       string
	committer connectors.Committer
}

func (l *ledger) sinks() ([]written, error) {
	var all []written
	for _, s := range l.config.Plan.Stages {
		n, sink := sinkOf(s)
		if sink == nil {
			continue
		}
		c, err := l.committer(n, sink)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
		all = append(all, written{n, physical.UID(s.Chain[len(s.Chain)-1]), c})
	}
	return all, nil
}

// goBack has sinks take back what the job is going to make again, after all have been asked whether they can.
func (l *ledger) goBack(ctx context.Context, from Origin) error {
	sinks, err := l.sinks()
	if err != nil {
		return err
	}
	if from.Settled {
		return l.undoers(ctx, sinks, "settling what is published", func(u connectors.Undoer) error { return u.Settle(ctx, from.To) })
	}
	refused := &DuplicatesError{To: from.To, Skipped: from.Skipped}
	err = l.undoers(ctx, sinks, "looking at what is published", func(u connectors.Undoer) error { return u.CheckBack(ctx, from.To) })
	for _, problem := range problems(err) {
		if !errors.Is(problem, connectors.ErrPublic) {
			return err
		}
		refused.Doubled = append(refused.Doubled, problem.Error())
	}
	for _, s := range sinks {
		if text := from.doubled(s); text != "" {
			refused.Doubled = append(refused.Doubled, fmt.Sprintf("%s: %s", s.node, text))
		}
	}
	if len(refused.Doubled) > 0 && !l.config.Streaming.AllowDuplicates {
		return refused
	}
	for _, text := range refused.Doubled {
		l.config.Streaming.Log.Warn("output will be there twice, as is allowed", "output", text)
	}
	return l.undoers(ctx, sinks, "taking back what is published", func(u connectors.Undoer) error { return u.TakeBack(ctx, from.To) })
}

// undoers calls do for all sinks that can take back, also when one fails. The error joins theirs.
func (l *ledger) undoers(ctx context.Context, sinks []written, what string, do func(connectors.Undoer) error) error {
	var errs []error
	for _, s := range sinks {
		if u, is := s.committer.(connectors.Undoer); is {
			if err := l.tried(ctx, s.node, what, func() error { return do(u) }); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", s.node, err))
			}
		}
	}
	return errors.Join(errs...)
}

// problems returns the errors that were joined.
func problems(err error) []error {
	if joined, is := err.(interface{ Unwrap() []error }); is {
		return joined.Unwrap()
	}
	return nil
}

// doubled says what a sink that cannot take back has of the skipped checkpoints; "": nothing.
func (o Origin) doubled(s written) string {
	switch s.committer.(type) {
	case connectors.Undoer, connectors.Counter:
		return ""
	}
	var rows int64
	for _, skip := range o.Skipped {
		if skip.Manifest == nil {
			return fmt.Sprintf("what checkpoint %d had it publish, which is not known any more", skip.ID)
		}
		for _, c := range skip.Manifest.Committables {
			if c.UID == s.uid && c.Checkpoint > o.To {
				rows += c.Rows
			}
		}
	}
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf("%d rows", rows)
}

// takenBack leaves out the output of sinks that do not take back: it was committed before that of a later checkpoint was, and of some it could
// not be told any more.
func (l *ledger) takenBack(output []checkpoint.Committable) []checkpoint.Committable {
	keep := map[string]bool{}
	sinks, _ := l.sinks() // goBack has made them
	for _, s := range sinks {
		_, keep[s.uid] = s.committer.(connectors.Undoer)
	}
	return slices.DeleteFunc(slices.Clone(output), func(c checkpoint.Committable) bool { return !keep[c.UID] })
}
