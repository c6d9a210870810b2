package checkpoint

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/keys"
	"github.com/millrace/millrace/state"
	"github.com/millrace/millrace/stream"
	"github.com/millrace/millrace/vfs"
)

// TestDeltas changes the state of two tasks and saves it, over and over: some checkpoints fail, some tasks begin with a new store, there are
// savepoints in between, and incarnations that take over. Whatever checkpoints there are then can be read and are what was saved; nothing lies
// around that none of them needs; and how much one refers to has a bound.
func TestDeltas(t *testing.T) {
	eachLayout(t, testDeltas)
}

func testDeltas(t *testing.T, merge int) {
	t.Helper()
	for backend, most := range map[string]int{"heap native": 40, "lsm native": 5} { // trees on disk take their time
		t.Run(strings.Fields(backend)[0], func(t *testing.T) {
			checks, failed := 0, false
			rapid.Check(t, func(rt *rapid.T) {
				if checks++; checks > most && !failed { // one that fails is made smaller
					return
				}
				passed := false
				defer func() { failed = failed || !passed }()
				d := &deltas{world: newMerging(t, nil, merge), rt: rt, backend: backend, saved: map[stream.CheckpointID][]string{}}
				d.writer = d.store.Writer()
				for task := range 2 {
					s, cells := openBackend(t, backend, state.Share(task, 2, testGroups))
					d.stores, d.cells = append(d.stores, s), append(d.cells, cells)
				}
				for range rapid.IntRange(1, 25).Draw(rt, "steps") {
					d.step()
				}
				passed = true
			})
		})
	}
}

// deltas is a job whose checkpoints refer to earlier ones.
type deltas struct {
	*world
	rt      *rapid.T
	backend string
	writer  *Writer
	stores  []state.Store
	cells   []state.Cells
	last    stream.CheckpointID
	saved   map[stream.CheckpointID][]string // what was
}

func (d *deltas) step() {
	switch rapid.SampledFrom([]string{"change", "change", "checkpoint", "checkpoint", "fail", "savepoint", "new store", "take over"}).Draw(d.rt, "step") {
	case "change":
		from := rapid.IntRange(0, 400).Draw(d.rt, "from")
		for task, s := range d.stores {
			put(d.t, s, state.Share(task, 2, testGroups), from, from+rapid.SampledFrom([]int{1, 10, 200}).Draw(d.rt, "rows"))
			d.drop(task)
		}
	case "checkpoint", "savepoint":
		d.checkpoint()
	case "fail":
		d.fail()
	case "new store":
		task := rapid.IntRange(0, 1).Draw(d.rt, "task")
		d.move(task)
	case "take over":
		d.store = d.reopen("next")
		d.writer = d.store.Writer()
	}
}

// drop deletes the cells of some words that a task has.
func (d *deltas) drop(task int) {
	words := wordsOf(0, 600)
	g := state.Share(task, 2, testGroups)
	for _, row := range rapid.SliceOfN(rapid.IntRange(0, 599), 0, 40).Draw(d.rt, "dropped") {
		if hashes := hashesOf(words.Columns[:1], words.Len); !g.Has(g.Of(hashes[row])) {
			continue
		}
		if err := d.stores[task].UseKey(words.Columns[:1], row); err != nil {
			d.rt.Fatal(err)
		}
		if err := d.cells[task].Delete(nil); err != nil {
			d.rt.Fatal(err)
		}
	}
}

func hashesOf(cols []columnar.Column, n int) []uint64 {
	hashes := make([]uint64, n)
	keys.Hash(cols, nil, n, hashes)
	return hashes
}

// move moves the state of a task to a new store.
func (d *deltas) move(task int) {
	f, err := d.stores[task].Freeze()
	if err != nil {
		d.rt.Fatal(err)
	}
	defer f.Release()
	to, cells := openBackend(d.t, d.backend, state.Share(task, 2, testGroups))
	for i, table := range f.Tables() {
		for rows, err := range f.Read(d.t.Context(), i) {
			if err == nil {
				err = to.Restore(table.Name, rows.Batch)
			}
			if err != nil {
				d.rt.Fatal(err)
			}
		}
	}
	d.stores[task], d.cells[task] = to, cells
}

func (d *deltas) contents() (all []string) {
	for _, s := range d.stores {
		all = append(all, contentsOf(d.t, s)...)
	}
	slices.Sort(all)
	return all
}

func (d *deltas) next() stream.CheckpointID {
	d.last = max(d.last+1, d.store.First())
	return d.last
}

// checkpoint saves the state and looks at all checkpoints that are there.
func (d *deltas) checkpoint() {
	kind := rapid.SampledFrom([]Kind{Checkpoint, Checkpoint, Checkpoint, Savepoint}).Draw(d.rt, "kind")
	want := d.contents()
	m := d.save(d.writer, d.next(), kind, d.stores)
	if kind == Checkpoint {
		d.saved[m.ID] = want
	}
	needed := map[string]bool{}
	for _, have := range d.store.complete {
		d.check(have)
		for f := range have.files {
			needed[f.Path] = true
		}
	}
	d.check(m)
	for id := range d.last + 1 {
		for _, name := range d.files("/job/" + checkpointDir(id)) {
			if rel := checkpointDir(id) + "/" + name; name != manifestName && !needed[rel] {
				d.rt.Fatalf("%s is left, which nothing refers to", rel)
			}
		}
	}
}

// check reads a checkpoint into three tasks.
func (d *deltas) check(m *Manifest) {
	saved, err := Load(d.t.Context(), d.folder(m), d.options(""))
	if err == nil {
		err = saved.Verify(d.t.Context())
	}
	if err != nil {
		d.rt.Fatal(err)
	}
	saved.native = openNative(d.t)
	var got []string
	for task := range 3 {
		s := newBackend(d.t, "heap", state.Share(task, 3, testGroups))
		tables := tablesOf(d.t, s)
		err := saved.Restore(d.t.Context(), "op", tables, Share{Task: task, Tasks: 3, KeyGroups: testGroups}, func(table int, b columnar.Batch) error {
			return s.Restore(tables[table].Name, b)
		})
		if err != nil {
			d.rt.Fatal(err)
		}
		got = append(got, contentsOf(d.t, s)...)
	}
	slices.Sort(got)
	want, ok := d.saved[m.ID]
	if !ok {
		want = d.contents() // a savepoint, which has just been made
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); diff != "" {
		d.rt.Fatalf("%s %d: %.1000s", m.Kind, m.ID, diff)
	}
	for _, p := range m.Operators[0].Parts {
		if len(p.Native) > 50 {
			d.rt.Errorf("%s %d has %d files", m.Kind, m.ID, len(p.Native))
		}
	}
}

func (d *deltas) folder(m *Manifest) Folder {
	if m.Kind.IsSavepoint() {
		return d.savepoint(m)
	}
	return d.at.join(checkpointDir(m.ID))
}

// fail begins a checkpoint of which nothing comes: some tasks have written it.
func (d *deltas) fail() {
	place, err := d.store.Begin(d.t.Context(), d.next(), Checkpoint, "")
	if err != nil {
		d.rt.Fatal(err)
	}
	for task := range rapid.IntRange(0, 2).Draw(d.rt, "written") {
		f, err := d.stores[task].Freeze()
		if err == nil {
			_, err = d.writer.Write(d.t.Context(), place, Task{Index: task}, []OperatorState{{UID: "op", Frozen: f}})
			f.Release()
		}
		if err != nil {
			d.rt.Fatal(err)
		}
	}
	if err := d.store.Discard(d.t.Context(), place.ID); err != nil {
		d.rt.Fatal(err)
	}
}

// TestDamagedLink damages a file that the last checkpoints refer to: what is begun from is the newest that does not, whoever wrote the file.
func TestDamagedLink(t *testing.T) {
	w := newWorld(t, nil)
	w.store.o.Keep = 10
	writer := w.store.Writer()
	s := newBackend(t, "heap native", state.Share(0, 1, testGroups))
	put(t, s, state.Share(0, 1, testGroups), 0, 500)
	var all []*Manifest
	for id := range stream.CheckpointID(4) {
		put(t, s, state.Share(0, 1, testGroups), 0, 10*int(id)+10)
		all = append(all, w.save(writer, id+1, Checkpoint, []state.Store{s}))
	}
	refers := func(m *Manifest, p string) bool {
		for f := range m.files {
			if f.Path == p {
				return true
			}
		}
		return false
	}
	link := "" // what the third has written, and the fourth refers to
	for f := range all[2].files {
		if strings.HasPrefix(f.Path, checkpointDir(3)) {
			link = f.Path
		}
	}
	if link == "" || !refers(all[3], link) || refers(all[1], link) {
		t.Fatalf("the checkpoints do not share files: %q", link)
	}
	file := w.at.join(link)
	data, err := vfs.ReadFile(t.Context(), file.FS, file.Path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := file.FS.Remove(t.Context(), file.Path); err != nil {
		t.Fatal(err)
	}
	out, err := file.FS.Create(t.Context(), file.Path)
	if err == nil {
		if _, err = out.Write(data); err == nil {
			err = out.Close()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if id, skipped := w.latest(); id != 2 || len(skipped) != 2 {
		t.Errorf("checkpoint %d is begun from, %v are passed over", id, skipped)
	}
}
