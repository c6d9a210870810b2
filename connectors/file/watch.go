package file

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/vfs"
)

// unfinished are ends of the names that writers give to files which they have not finished.
var unfinished = []string{".tmp", ".temp", ".part", ".partial", ".inprogress", ".crdownload", "._COPYING_"}

// look lists the files that Watch may take now. What is not there yet is no error.
func (s Source[T]) look(ctx context.Context, files *vfs.Resolver, p pruner) (*listing, error) {
	all := &listing{}
	for _, path := range splitPaths(s.Path) {
		found, err := list(ctx, files, []string{path}, s.Flat, p)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err == nil {
			all.files = append(all.files, found.files...)
		}
	}
	ends := s.Unfinished
	if ends == nil {
		ends = unfinished
	}
	youngest := time.Now().Add(-s.MinAge)
	all.files = slices.DeleteFunc(all.files, func(f found) bool {
		isHeld := s.MinAge > 0 && f.Time.After(youngest) || slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(f.URL, end) })
		if isHeld {
			all.held = append(all.held, f.URL)
		}
		return isHeld
	})
	return all, nil
}

// sighting is what one look has found.
type sighting struct {
	planned
	there map[string]bool // all files that there are, by URL
}

// fresh divides the files that were not seen before, the oldest first.
func (l *listing) fresh(ctx context.Context, seen map[string]bool, plan func(*listing) (planned, error)) (sighting, error) {
	out := sighting{there: map[string]bool{}}
	fresh := &listing{}
	for _, f := range l.files {
		if !seen[f.URL] && !out.there[f.URL] {
			fresh.files = append(fresh.files, f)
		}
		out.there[f.URL] = true
	}
	for _, url := range l.held { // one that was read and has been changed since is still there
		if seen[url] {
			out.there[url] = true
		}
	}
	slices.SortStableFunc(fresh.files, func(a, b found) int { return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.URL, b.URL)) })
	var err error
	if len(fresh.files) > 0 && ctx.Err() == nil {
		out.planned, err = plan(fresh)
	}
	return out, err
}

// watcher is the enumerator of a source that watches: now and then it looks for files, and hands out those that are new. It remembers the files
// that are there, and forgets those that were removed. What there is at its first look is its backlog, until tasks have read it.
type watcher struct {
	find    func(ctx context.Context, tasks int, seen map[string]bool) (sighting, error)
	every   time.Duration
	log     *slog.Logger
	tasks   int
	seen    map[string]bool
	pending []connectors.Split
	waiting []connectors.Requested
	next    int // number of the next split
	bytes   int64
	looked  bool

	begun   bool         // it has been told that the run has, and has looked at nothing since
	old     int          // so many of pending, the first ones, are of the backlog
	reading map[int]bool // tasks that have been given a split of it and have not asked for another
}

var (
	_ connectors.Enumerator = (*watcher)(nil)
	_ connectors.Backlogged = (*watcher)(nil)
)

const lookAgain = "look again"

// Step does what the event asks for.
func (w *watcher) Step(event connectors.Event) ([]connectors.Action, error) {
	switch event := event.(type) {
	case connectors.Started:
		w.tasks, w.seen, w.begun, w.reading = event.Tasks, map[string]bool{}, true, map[int]bool{}
		return []connectors.Action{w.look()}, nil
	case connectors.Restored:
		return w.restored(event)
	case connectors.Called:
		return w.called(event)
	case connectors.Requested:
		w.waiting = append(w.waiting, event)
		delete(w.reading, event.Task)
		return w.serve(), nil
	case connectors.Returned:
		return w.takeBack(event.Splits, event.Positions)
	default:
		return nil, fmt.Errorf("file: unknown event %T", event)
	}
}

// IsInBacklog implements connectors.Backlogged.
func (w *watcher) IsInBacklog() bool { return w.begun || w.old > 0 || len(w.reading) > 0 }

// look asks for the files.
func (w *watcher) look() connectors.Action {
	seen, tasks := maps.Clone(w.seen), w.tasks
	return connectors.Call{Name: listCall, Do: func(ctx context.Context) (any, error) { return w.find(ctx, tasks, seen) }}
}

// called takes what was found. Only the first look must succeed: later ones are tried again.
func (w *watcher) called(event connectors.Called) ([]connectors.Action, error) {
	if event.Name == lookAgain {
		return []connectors.Action{w.look()}, nil
	}
	again := connectors.Later{Name: lookAgain, After: w.every}
	if event.Err != nil {
		if !w.looked {
			return nil, event.Err
		}
		if w.log != nil {
			w.log.Warn("new files could not be looked for; trying again", slog.Any("error", event.Err))
		}
		return []connectors.Action{again}, nil
	}
	w.looked = true
	got := event.Result.(sighting)
	w.seen = got.there
	var actions []connectors.Action
	if len(got.splits) > 0 {
		for _, s := range got.splits {
			s.ID = fmt.Sprintf("%06d", w.next)
			w.next++
			w.pending = append(w.pending, s)
		}
		w.bytes += got.bytes
		actions = append(actions, connectors.Known{Splits: w.next, Bytes: w.bytes})
	}
	if w.begun {
		w.begun, w.old = false, len(w.pending)
	}
	return append(append(actions, w.serve()...), again), nil
}

// serve gives splits to who waits.
func (w *watcher) serve() []connectors.Action {
	var actions []connectors.Action
	for len(w.waiting) > 0 && len(w.pending) > 0 {
		who, split := w.waiting[0], w.pending[0]
		w.waiting, w.pending = w.waiting[1:], w.pending[1:]
		if w.old > 0 {
			w.old--
			w.reading[who.Task] = true
		}
		actions = append(actions, connectors.Assign{Task: who.Task, Splits: []connectors.Split{split}})
	}
	return actions
}

func (w *watcher) takeBack(splits []connectors.Split, positions []connectors.Position) ([]connectors.Action, error) {
	left, err := leftOf(splits, positions)
	w.pending = append(left, w.pending...)
	w.old += len(left)
	return w.serve(), err
}

// savedWatcher is what a checkpoint keeps of a watcher.
type savedWatcher struct {
	Looked  bool
	Seen    []string
	Pending []connectors.Split
	Next    int
	Bytes   int64
}

// Snapshot implements connectors.Enumerator: a version and JSON of savedWatcher.
func (w *watcher) Snapshot() ([]byte, error) {
	data, err := json.Marshal(savedWatcher{w.looked, slices.Sorted(maps.Keys(w.seen)), w.pending, w.next, w.bytes})
	return append([]byte{enumeratorVersion}, data...), err
}

// restored goes on, and looks at once.
func (w *watcher) restored(event connectors.Restored) ([]connectors.Action, error) {
	if len(event.State) == 0 || event.State[0] != enumeratorVersion {
		return nil, fmt.Errorf("file: the enumerator's state is not of version %d", enumeratorVersion)
	}
	var saved savedWatcher
	if err := json.Unmarshal(event.State[1:], &saved); err != nil {
		return nil, fmt.Errorf("file: reading the enumerator's state: %w", err)
	}
	w.tasks, w.looked, w.pending, w.next, w.bytes = event.Tasks, saved.Looked, saved.Pending, saved.Next, saved.Bytes
	w.seen, w.begun, w.old, w.reading = map[string]bool{}, true, len(saved.Pending), map[int]bool{}
	for _, url := range saved.Seen {
		w.seen[url] = true
	}
	actions, err := w.takeBack(event.Splits, event.Positions)
	return append(actions, w.look()), err
}
