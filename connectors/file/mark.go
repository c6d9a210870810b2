package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// A folder by time is marked by a _SUCCESS of its own when its rows are all there. Each task tells with what it has prepared how far event time has come
// for it, and of which folders it keeps rows back; the committer takes the least of that. It remembers nothing: a run that goes on
// looks which of the job's folders have no mark.

func (b Buckets) validateMark() error {
	switch {
	case b.After < 0 || b.After > 0 && !b.Mark:
		return errors.New("the time After is for Mark, and must not be negative")
	case !b.Mark:
		return nil
	case b.Column != "":
		return errors.New("a Mark is for folders by event time: Column must be empty")
	}
	sample := time.Date(2026, 10, 21, 13, 14, 15, 0, b.zone())
	if end, ok := b.end(sample.Format(b.Layout)); !ok || !end.After(sample) || end.After(sample.AddDate(1, 0, 0)) {
		return fmt.Errorf("the layout %q does not tell times in full, as Mark needs it", b.Layout)
	}
	return nil
}

func (b Buckets) zone() *time.Location {
	if b.Zone == nil {
		return time.UTC
	}
	return b.Zone
}

// of returns the folder by time that a folder of the target is, or lies in.
func (b Buckets) of(folder string) string {
	levels := strings.Split(folder, "/")
	return path.Join(levels[:min(len(levels), 1+strings.Count(b.Layout, "/"))]...)
}

// end returns the end of a folder's time: the first moment that belongs to another one. false: it has none.
func (b Buckets) end(folder string) (time.Time, bool) {
	begin, err := time.ParseInLocation(b.Layout, folder, b.zone())
	if err != nil || begin.Format(b.Layout) != folder {
		return time.Time{}, false
	}
	for _, step := range []func(n int) time.Time{
		func(n int) time.Time { return begin.Add(time.Duration(n) * time.Second) },
		func(n int) time.Time { return begin.Add(time.Duration(n) * time.Minute) },
		func(n int) time.Time { return begin.Add(time.Duration(n) * time.Hour) },
		func(n int) time.Time { return begin.AddDate(0, 0, n) },
		func(n int) time.Time { return begin.AddDate(0, n, 0) },
		func(n int) time.Time { return begin.AddDate(n, 0, 0) },
	} {
		for n := 1; n <= 2; n++ { // where clocks are set back an hour comes twice
			if end := step(n); end.Format(b.Layout) != folder {
				return end, true
			}
		}
	}
	return time.Time{}, false
}

// isPast says whether the rows of a folder with that end are all there for somebody with that watermark.
func (b Buckets) isPast(end time.Time, w stream.Watermark) bool {
	return w == stream.EndOfTime || w != stream.NoWatermark && int64(w) >= end.Add(b.After).UnixMicro()-1
}

// report is what a task tells of its event time.
type report struct {
	Task      int              `json:"task"`
	Tasks     int              `json:"tasks"`
	Watermark stream.Watermark `json:"watermark"`
	Idle      bool             `json:"idle,omitempty"` // it is not waited for
	Held      []string         `json:"held,omitempty"` // folders by time of which rows are kept back
}

// report returns what there is to tell, nil when it has been told.
func (w *writer) report() *report {
	if !w.buckets.Mark || w.now == w.told && len(w.done.Files) == 0 {
		return nil
	}
	w.told = w.now
	r := &report{Task: w.env.Task, Tasks: w.env.Tasks, Watermark: w.now.watermark, Idle: w.now.idle}
	if w.roll != nil {
		for _, piles := range []map[string]*pile{w.roll.piles, w.roll.merging} {
			for folder := range piles {
				r.Held = append(r.Held, w.buckets.of(folder))
			}
		}
		slices.Sort(r.Held)
		r.Held = slices.Compact(r.Held)
	}
	return r
}

// isOver says whether a folder waits for nothing but its pieces: event time is past it.
func (w *writer) isOver(folder string) bool {
	if !w.buckets.Mark {
		return false
	}
	end, ok := w.buckets.end(w.buckets.of(folder))
	return ok && w.buckets.isPast(end, w.now.watermark)
}

// marker decides which folders are marked.
type marker struct {
	buckets Buckets
	tasks   map[int]report
	open    map[string]time.Time // the ends of folders that have no mark
}

// newMarker looks for the owner's folders that have no mark.
func newMarker(ctx context.Context, b Buckets, t target, owner string) (*marker, error) {
	m := &marker{buckets: b, tasks: map[int]report{}, open: map[string]time.Time{}}
	if owner == "" {
		return m, nil
	}
	return m, m.find(ctx, t, owner, "")
}

// find looks in a folder of the target, and in those in it that are by time.
func (m *marker) find(ctx context.Context, t target, owner, folder string) error {
	if folder != "" && m.buckets.of(folder+"/_") == folder { // it is as deep as the layout
		end, ok := m.buckets.end(folder)
		if !ok {
			return nil
		}
		_, err := t.fsys.Stat(ctx, t.path(path.Join(folder, successName)))
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		is, err := t.hasOf(ctx, folder, owner)
		if is {
			m.open[folder] = end
		}
		return err
	}
	infos, err := t.fsys.List(ctx, t.path(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, info := range infos {
		if err == nil && info.IsDir && !vfs.IsHidden(info.Name()) {
			err = m.find(ctx, t, owner, path.Join(folder, info.Name()))
		}
	}
	return err
}

// hasOf says whether there are files of an owner below a folder.
func (t target) hasOf(ctx context.Context, folder, owner string) (bool, error) {
	for info, err := range vfs.Walk(ctx, t.fsys, t.path(folder)) {
		if err != nil {
			return false, err
		}
		if isOfRun(info.Name(), owner) {
			return true, nil
		}
	}
	return false, nil
}

// take takes what a task tells. Of a run with another number of tasks nobody has told anything yet.
func (m *marker) take(r report) {
	for _, other := range m.tasks {
		if other.Tasks != r.Tasks {
			clear(m.tasks)
			break
		}
	}
	m.tasks[r.Task] = r
}

// publishes says that files are published into a folder.
func (m *marker) publishes(folder string) {
	folder = m.buckets.of(folder)
	if end, ok := m.buckets.end(folder); ok {
		m.open[folder] = end
	}
}

// due returns the folders that are to be marked; final: all.
func (m *marker) due(final bool) []string {
	least, held, total, isAwake := stream.EndOfTime, map[string]bool{}, 0, false
	for _, r := range m.tasks {
		if total = r.Tasks; !r.Idle {
			least, isAwake = min(least, r.Watermark), true
		}
		for _, folder := range r.Held {
			held[folder] = true
		}
	}
	isKnown := isAwake && len(m.tasks) == total
	var out []string
	for folder, end := range m.open {
		if final || isKnown && !held[folder] && m.buckets.isPast(end, least) {
			out = append(out, folder)
		}
	}
	slices.Sort(out)
	return out
}

// marked says that folders have their marks.
func (m *marker) marked(folders []string) {
	for _, f := range folders {
		delete(m.open, f)
	}
}

// mark writes the mark of a folder, unless somebody has removed that.
func (t target) mark(ctx context.Context, run, folder string) error {
	if _, err := t.fsys.Stat(ctx, t.path(folder)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	data, err := json.Marshal(struct {
		Run string `json:"run"`
	}{run})
	if err != nil {
		return err
	}
	return vfs.WriteFileAtomic(ctx, t.fsys, t.path(path.Join(folder, successName)), append(data, '\n'))
}
