package checkpoint

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/mem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// frozen is a state in memory: by table, its rows as lists of values.
type frozen struct {
	tables []state.Table
	rows   [][]state.Rows
	fail   error // what Read ends with
}

func (f *frozen) Tables() []state.Table { return f.tables }
func (f *frozen) Release()              {}

func (f *frozen) Read(_ context.Context, i int) iter.Seq2[state.Rows, error] {
	return func(yield func(state.Rows, error) bool) {
		for _, r := range f.rows[i] {
			if !yield(r, nil) {
				return
			}
		}
		if f.fail != nil {
			yield(state.Rows{}, f.fail)
		}
	}
}

func fields(names ...string) (out []columnar.Field) {
	types := map[string]columnar.Type{"int64": columnar.Int64Type, "int32": columnar.Int32Type, "string": columnar.StringType, "float64": columnar.Float64Type, "bool": columnar.BoolType}
	for _, n := range names {
		name, typ, _ := strings.Cut(n, " ")
		typ, nullable := strings.CutSuffix(typ, "?")
		out = append(out, columnar.Field{Name: name, Type: types[typ], Nullable: nullable})
	}
	return out
}

// counts is a keyed table: word -> n.
var counts = state.Table{Name: "counts", Kind: "value", Keys: fields("word string"), Values: fields("n int64")}

// wordsOf is a batch of the words from a to b, with their numbers.
func wordsOf(from, to int) columnar.Batch {
	bb := columnar.NewBatchBuilder(counts.Schema(), 0)
	for i := from; i < to; i++ {
		bb.Column(0).AppendString(fmt.Sprintf("word-%d", i))
		columnar.AppendFixed(bb.Column(1), int64(i))
		bb.Added(1)
	}
	return bb.Finish()
}

// keyed divides a batch by key group and keeps the groups of a task.
func keyed(b columnar.Batch, keyColumns int, g state.Groups) (out []state.Rows) {
	hashes := make([]uint64, b.Len)
	keys.Hash(b.Columns[:keyColumns], nil, b.Len, hashes)
	by := map[int][]int32{}
	for i, h := range hashes {
		by[g.Of(h)] = append(by[g.Of(h)], int32(i))
	}
	for group := g.From; group < g.To; group++ {
		if sel := by[group]; sel != nil {
			part := b
			part.Sel = sel
			out = append(out, state.Rows{Group: group, Batch: part})
		}
	}
	return out
}

// spread is a table of positions, one row a split, handed out in turn.
var spread = state.Table{Name: "splits", Kind: "list", Distribution: state.Spread, Values: fields("split string", "offset int64")}

func splitsOf(from, to int) columnar.Batch {
	b := wordsOf(from, to)
	b.Schema = spread.Schema()
	return b
}

func texts(b columnar.Batch) (out []string) {
	for i := range b.Rows() {
		var cells []string
		for k := range b.Columns {
			cells = append(cells, cell(&b.Columns[k], b.Row(i)))
		}
		out = append(out, strings.Join(cells, " "))
	}
	return out
}

// read returns the rows of a table for a task, sorted.
func read(t *testing.T, s *Saved, uid string, want state.Table, share Share) (out []string) {
	t.Helper()
	for b, err := range s.Rows(t.Context(), uid, want, share) {
		if err != nil {
			t.Fatal(err)
		}
		if !b.Schema.Equal(want.Schema()) {
			t.Fatalf("schema %s, want %s", b.Schema, want.Schema())
		}
		out = append(out, texts(b)...)
	}
	slices.Sort(out)
	return out
}

const testGroups = 64

// words is the state of one of n tasks of an operator with total words, and a split each.
func words(task, n, total int) *frozen {
	return &frozen{
		tables: []state.Table{counts, spread},
		rows: [][]state.Rows{
			keyed(wordsOf(0, total), 1, state.Share(task, n, testGroups)),
			{{Batch: splitsOf(10*task, 10*task+3)}},
		},
	}
}

type world struct {
	t     *testing.T
	fs    vfs.FileSystem
	store *Store
	at    Folder
	merge int // bytes below which files are merged
}

func newWorld(t *testing.T, fs vfs.FileSystem) *world {
	t.Helper()
	return newMerging(t, fs, 0)
}

// newMerging is a world in which files of less than so many bytes are merged.
func newMerging(t *testing.T, fs vfs.FileSystem, below int) *world {
	t.Helper()
	if fs == nil {
		fs = mem.New("test")
	}
	w := &world{t: t, fs: fs, at: Folder{FS: fs, Path: "/job"}, merge: below}
	w.reopen("run1")
	return w
}

// eachLayout runs a test with files that lie apart, and with merged ones.
func eachLayout(t *testing.T, test func(t *testing.T, merge int)) {
	t.Helper()
	t.Run("apart", func(t *testing.T) { test(t, 0) })
	t.Run("merged", func(t *testing.T) { test(t, 1<<20) })
}

func (w *world) options(run string) Options {
	return Options{
		Job: "clicks", Run: run, Now: func() time.Time { return scriptStart }, MergeBelow: w.merge,
		Resolve: func(_ context.Context, url string) (vfs.FileSystem, string, error) {
			_, _, p := vfs.Split(url)
			return w.fs, p, nil
		},
	}
}

func (w *world) reopen(run string) *Store {
	w.t.Helper()
	s, err := Open(w.t.Context(), w.at, w.options(run))
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = s
	return s
}

// write makes a whole checkpoint of tasks tasks with total words.
func (w *world) write(s *Store, kind Kind, tasks, total int) (*Manifest, error) {
	id := s.First()
	s.mu.Lock()
	for _, m := range s.complete {
		id = max(id, m.ID+1)
	}
	s.mu.Unlock()
	return writeCheckpoint(w.t.Context(), s, id, kind, tasks, total)
}

func writeCheckpoint(ctx context.Context, s *Store, id stream.CheckpointID, kind Kind, tasks, total int) (*Manifest, error) {
	place, err := s.Begin(ctx, id, kind, "mem://test/savepoints")
	if err != nil {
		return nil, err
	}
	c := Completion{
		Place: place, Operators: operators(s, tasks), Handles: make([]Handle, tasks),
		Committables: []Committable{{Checkpoint: id, UID: "sink", Data: []byte("file")}},
	}
	writer := s.Writer()
	err = together(writer, tasks, func(i int) (err error) {
		c.Handles[i], err = writer.Write(ctx, place, Task{Stage: 1, Index: i}, wordStates(s, i, tasks, total))
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.Complete(ctx, c)
}

// wordStates are the states of a task: of one operator and, where files are merged, of another that has the same, so that there are some to be.
func wordStates(s *Store, task, tasks, total int) []OperatorState {
	out := []OperatorState{{UID: "count", Frozen: words(task, tasks, total), Blobs: map[string][]byte{"watermark": {byte(task)}}}}
	if s.o.MergeBelow > 0 {
		out = append(out, OperatorState{UID: "again", Frozen: words(task, tasks, total)})
	}
	return out
}

// operators are those of a job of so many tasks with such states.
func operators(s *Store, tasks int) []Operator {
	out := []Operator{{UID: "count", Name: "count words", Parallelism: tasks, KeyGroups: testGroups, Enumerator: []byte("e")}}
	if s.o.MergeBelow > 0 {
		out = append(out, Operator{UID: "again", Parallelism: tasks, KeyGroups: testGroups})
	}
	return out
}

// together has n tasks write at the same time, so that what is merged of them comes into one file.
func together(w *Writer, n int, write func(i int) error) error {
	m := &w.merger
	m.mu.Lock()
	m.writing = true // somebody else
	m.mu.Unlock()
	var g errgroup.Group
	var done atomic.Int32
	for i := range n {
		g.Go(func() error {
			defer done.Add(1)
			return write(i)
		})
	}
	for {
		m.mu.Lock()
		if len(m.waiting)+int(done.Load()) == n {
			break
		}
		m.mu.Unlock()
		time.Sleep(10 * time.Microsecond)
	}
	m.next()
	m.mu.Unlock()
	return g.Wait()
}

// expected is the rows of a table over all tasks, sorted.
func expected(b columnar.Batch) []string {
	out := texts(b)
	slices.Sort(out)
	return out
}
