package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner/coordinator"
)

// publishing is what a run has to make visible: the content of Options.Record. The file is there from when the run has decided to publish until
// it has published everything.
type publishing struct {
	Run   string           `json:"run"`
	Job   string           `json:"job"`
	Sinks []publishingSink `json:"sinks"`
}

type publishingSink struct {
	Name     string                   `json:"name"` // of the node: with its call site
	Sink     string                   `json:"sink"` // what it writes
	Prepared []connectors.Committable `json:"prepared"`
}

// newPublishing describes publications.
func newPublishing(run, job string, all []coordinator.Publication) publishing {
	p := publishing{Run: run, Job: job}
	for _, one := range all {
		p.Sinks = append(p.Sinks, publishingSink{one.Name, describe(one.Sink), one.Prepared})
	}
	return p
}

func describe(s connectors.Sink) string { return s.Name() + " " + s.Describe() }

// decided writes the record of what is about to be published. A job is not failed for want of it.
func (r *run) decided(all []coordinator.Publication) {
	if r.options.Record == "" || len(all) == 0 {
		return
	}
	data, err := json.MarshalIndent(newPublishing(r.id, r.options.Name, all), "", "  ")
	if err == nil {
		err = writeWhole(r.options.Record, data, len(all) > 1) // one sink repairs itself what a crash of the machine leaves
	}
	if err != nil {
		r.options.Log.Warn("what is to be published cannot be noted: if that is interrupted, it cannot be completed", "error", err)
	}
}

// writeWhole makes a file that is there as a whole or not at all, also after a crash of the machine if it is to be durable.
func writeWhole(name string, data []byte, durable bool) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if durable {
		err = errors.Join(err, f.Sync())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// findRecord makes of the run to be completed the path of its record.
func (s *Settings) findRecord() error {
	if s.Complete == "" {
		return nil
	}
	dir, err := HistoryOf(s).find(s.Complete)
	if err != nil {
		return &UsageError{err}
	}
	s.Complete = filepath.Join(dir, historyPublishing)
	return nil
}

// published removes the record when nothing is left to be published, or says with it how the rest can be.
func (r *run) published(err error) error {
	var some *coordinator.PublishError
	switch {
	case r.options.Record == "":
		return err
	case errors.As(err, &some):
		return fmt.Errorf("%w; what is left can be published by the same command with --complete %s", err, r.id)
	case err != nil:
		return err
	default:
		if err := os.Remove(r.options.Record); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("everything is published, but the note of it stays: %w", err)
		}
		return nil
	}
}

// complete publishes what another run has prepared.
func (r *run) complete(ctx context.Context, build func(*plan.Job)) (*Summary, error) {
	published, err := r.publishLeft(ctx, build)
	return r.summary(published, nil, nil, err), err
}

func (r *run) publishLeft(ctx context.Context, build func(*plan.Job)) (map[int]connectors.Published, error) {
	data, err := os.ReadFile(r.options.Complete)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &UsageError{fmt.Errorf("the run has nothing left to publish: %w", err)}
	}
	var p publishing
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what is left to publish: %w", err)
	}
	job := plan.NewJob(r.options.Name)
	build(job)
	if err := job.Err(); err != nil {
		return nil, &BuildError{err}
	}
	job.RouteBad()
	r.id, r.options.Record = p.Run, r.options.Complete
	all, ids, err := r.publications(job, p)
	if err != nil {
		return nil, err
	}
	got, err := coordinator.Publish(ctx, all, func() {})
	published := map[int]connectors.Published{}
	for i := range got {
		published[ids[i]] = got[i]
	}
	return published, r.published(err)
}

// publications finds the sinks of a record in the job, with an ID for each.
func (r *run) publications(job *plan.Job, p publishing) (all []coordinator.Publication, ids []int, err error) {
	taken := map[int]bool{}
	for _, left := range p.Sinks {
		found := false
		for id, sink := range r.sinks(job) {
			if found || taken[id] || sink.Name != left.Name || describe(sink.Sink) != left.Sink {
				continue
			}
			found, taken[id] = true, true
			sink.Prepared = left.Prepared
			all, ids = append(all, sink), append(ids, id)
		}
		if !found {
			return nil, nil, &UsageError{fmt.Errorf("run %s is to publish %s of %s, which this job does not write: it is another one, or has other parameters",
				p.Run, left.Sink, left.Name)}
		}
	}
	return all, ids, nil
}

// sinks are all sinks of a job, by the order of its nodes.
func (r *run) sinks(job *plan.Job) []coordinator.Publication {
	var all []coordinator.Publication
	for _, n := range job.Nodes {
		if w, ok := n.Op.(plan.Write); ok {
			all = append(all, coordinator.Publication{Name: n.String(), Sink: w.Sink, Env: r.env(n)})
		}
	}
	return all
}
