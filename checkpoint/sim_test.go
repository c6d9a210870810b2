package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/millrace/millrace/stream"
)

// TestExactlyOnce drives the protocol with tasks that write the numbers from 0 on, through a sink that commits in two phases. Whatever order
// answers come in, and whatever fails, each number becomes visible once: tasks, stores whose outcome is not known, notices that are lost,
// attempts, the process.
func TestExactlyOnce(t *testing.T) {
	for seed := range uint64(2000) {
		s := &simulation{t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 0)), visible: map[piece]bool{}, manifests: map[stream.CheckpointID]Persist{}}
		s.limit = 1 + s.rand.IntN(30)
		s.boot()
		for range s.rand.IntN(400) {
			s.random()
		}
		s.finish()
		s.check()
	}
}

const simTasks = 2

// piece is a piece of output: the numbers from up to to of a task.
type piece struct {
	id             stream.CheckpointID
	task, from, to int
}

// simTask is a task of an attempt.
type simTask struct {
	next     int // number to be piece
	prepared int // up to where it has been prepared
	pieces   []piece
	final    bool
	gone     bool
	halted   stream.CheckpointID // stopped for it; 0: not
}

type simulation struct {
	t         *testing.T
	seed      uint64
	rand      *rand.Rand
	limit     int
	core      *Core
	now       time.Time
	wake      time.Time
	tasks     []*simTask
	triggers  [][]Trigger // by task, not yet reached
	acks      []Event     // on their way
	notices   []func()    // on their way to tasks
	persists  []Persist   // to be stored
	commits   []Commit    // to be carried out, in order
	manifests map[stream.CheckpointID]Persist
	visible   map[piece]bool
	last      stream.CheckpointID // triggered
	down      bool                // attempts have failed
	settled   bool
	over      bool
}

// boot begins a process.
func (s *simulation) boot() {
	s.core = NewCore(Settings{
		First: s.last + 1, Interval: 10 * time.Second, Timeout: time.Minute,
		InFlight: 1 + s.rand.IntN(3), Failures: s.rand.IntN(3),
	})
	s.persists, s.commits, s.now, s.over = nil, nil, scriptStart, false
	s.restore()
}

// restore begins attempts from the newest manifest, having committed what it lists.
func (s *simulation) restore() {
	s.acks, s.notices, s.triggers = nil, nil, make([][]Trigger, simTasks)
	s.tasks = nil
	var m Persist
	for _, p := range s.manifests {
		if p.ID > m.ID && p.Kind != Savepoint {
			m = p
		}
	}
	s.commit(m.Committables)
	var tasks []Task
	for i := range simTasks {
		task := &simTask{}
		for _, h := range m.Handles {
			if h.Task.Index == i {
				task.next, _ = strconv.Atoi(string(h.Operators[0].Blobs["next"]))
			}
		}
		task.prepared = task.next
		s.tasks = append(s.tasks, task)
		tasks = append(tasks, Task{Index: i})
	}
	s.down, s.settled = false, false
	s.step(Running{Tasks: tasks})
}

func (s *simulation) step(e Event) {
	for _, a := range s.core.Step(s.now, e) {
		s.do(a)
	}
}

func (s *simulation) do(a Action) {
	switch a := a.(type) {
	case Wake:
		s.wake = a.At
	case Trigger:
		if a.ID <= s.last || s.over || s.down {
			s.t.Fatalf("seed %d: trigger %d after %d, over %v, down %v", s.seed, a.ID, s.last, s.over, s.down)
		}
		s.last = a.ID
		for _, task := range a.Tasks {
			s.triggers[task.Index] = append(s.triggers[task.Index], a)
		}
	case Persist:
		s.persists = append(s.persists, a)
	case Commit:
		s.commits = append(s.commits, a)
	case Notify:
		for _, task := range a.Tasks {
			s.notices = append(s.notices, func() { s.completed(s.tasks[task.Index], a.ID) })
		}
		for _, task := range a.Done {
			s.tasks[task.Index].gone = true
			s.triggers[task.Index] = nil
		}
	case Abort:
		for _, task := range a.Tasks {
			if s.tasks[task.Index].halted == a.ID {
				s.tasks[task.Index].halted = 0
			}
			i := task.Index
			s.triggers[i] = slices.DeleteFunc(s.triggers[i], func(c Trigger) bool { return c.ID == a.ID })
		}
		if s.flip() {
			delete(s.manifests, a.ID)
		}
	case FailJob:
		s.fail()
	case Settled:
		s.settled = true
	case Over:
		s.over = true
	}
}

func (s *simulation) completed(task *simTask, id stream.CheckpointID) {
	task.pieces = slices.DeleteFunc(task.pieces, func(w piece) bool { return w.id <= id })
}

func (s *simulation) flip() bool { return s.rand.IntN(2) == 0 }

// fail ends all attempts.
func (s *simulation) fail() {
	s.down = true
	s.acks, s.notices, s.triggers = nil, nil, make([][]Trigger, simTasks)
	s.step(Interrupted{Err: errors.New("broken")})
}

func (s *simulation) random() {
	switch s.rand.IntN(60) {
	case 0:
		if !s.over && !s.down {
			s.fail()
		}
	case 1:
		s.boot() // the process dies
	case 2:
		kinds := []Kind{Checkpoint, Savepoint, Stop}
		if !s.over {
			s.step(Requested{Kind: kinds[s.rand.IntN(len(kinds))]})
		}
	case 3:
		if len(s.notices) > 0 {
			s.notices = s.notices[1:] // lost
		}
	case 4:
		s.now = s.now.Add(2 * time.Minute)
		s.step(Due{})
	default:
		s.advance(s.rand.IntN(7), false)
	}
}

// advance lets something go on. When all is well nothing fails.
func (s *simulation) advance(what int, well bool) {
	switch what {
	case 0:
		s.now = later(s.now, s.wake)
		s.step(Due{})
	case 1, 2:
		if !s.down {
			s.run(s.rand.IntN(simTasks), well)
		}
	case 3:
		if len(s.acks) > 0 {
			i := s.rand.IntN(len(s.acks))
			e := s.acks[i]
			s.acks = slices.Delete(s.acks, i, i+1)
			s.step(e)
		}
	case 4:
		s.persist(well)
	case 5:
		if len(s.commits) > 0 {
			c := s.commits[0]
			s.commits = s.commits[1:]
			s.commit(c.Committables)
			s.step(Committed{ID: c.ID})
		}
	case 6:
		if len(s.notices) > 0 {
			f := s.notices[0]
			s.notices = s.notices[1:]
			f()
		}
		if s.down && s.settled && !s.over {
			s.restore()
		}
	}
}

// run lets a task write a number or reach a barrier.
func (s *simulation) run(i int, well bool) {
	task := s.tasks[i]
	if task.gone {
		return
	}
	if len(s.triggers[i]) > 0 && (well || s.flip()) {
		c := s.triggers[i][0]
		s.triggers[i] = s.triggers[i][1:]
		s.cut(i, task, c, well)
		return
	}
	if task.halted > 0 {
		return
	}
	if task.next < s.limit {
		task.next++
		return
	}
	if !task.final {
		task.final = true
		s.step(TaskEnded{Task: Task{Index: i}})
	}
}

func (s *simulation) cut(i int, task *simTask, c Trigger, well bool) {
	if task.prepared < task.next {
		task.pieces = append(task.pieces, piece{c.ID, i, task.prepared, task.next})
		task.prepared = task.next
	}
	if c.Kind == Stop {
		task.halted = c.ID
	}
	at := Task{Index: i}
	if !well && s.rand.IntN(10) == 0 {
		s.acks = append(s.acks, Declined{ID: c.ID, Task: at, Err: errors.New("no")})
		return
	}
	a := Acked{ID: c.ID, Task: at, Final: task.final, Handle: Handle{Checkpoint: c.ID, Task: at, Operators: []OperatorHandle{{
		UID: "numbers", Blobs: map[string][]byte{"next": []byte(strconv.Itoa(task.next))},
	}}}}
	for _, w := range task.pieces {
		a.Committables = append(a.Committables, Committable{Checkpoint: w.id, UID: "sink", Task: i, Data: fmt.Appendf(nil, "%d %d", w.from, w.to)})
	}
	s.acks = append(s.acks, a)
}

// persist stores a manifest, or not, or does without being sure.
func (s *simulation) persist(well bool) {
	if len(s.persists) == 0 {
		return
	}
	p := s.persists[0]
	s.persists = s.persists[1:]
	e := Stored{ID: p.ID}
	how := 9
	if !well {
		how = s.rand.IntN(10)
	}
	if how < 2 {
		e.Err = errors.New("not stored")
	}
	if how > 0 {
		s.manifests[p.ID] = p
	}
	s.step(e)
}

// commit makes pieces visible. It is idempotent: the piece of a task and a checkpoint is there once.
func (s *simulation) commit(pieces []Committable) {
	ordered := slices.IsSortedFunc(pieces, func(a, b Committable) int { return cmp.Compare(a.Checkpoint, b.Checkpoint) })
	if !ordered {
		s.t.Fatalf("seed %d: commits are out of order", s.seed)
	}
	for _, c := range pieces {
		w := piece{id: c.Checkpoint, task: c.Task}
		_, _ = fmt.Sscan(string(c.Data), &w.from, &w.to)
		s.visible[w] = true
	}
}

// finish lets all go well until the job is over. A job that was stopped is begun again.
func (s *simulation) finish() {
	for n := 0; ; n++ {
		if n > 10000 {
			s.t.Fatalf("seed %d: it does not end", s.seed)
		}
		for what := 3; what < 7; what++ {
			s.advance(what, true)
		}
		for i := range simTasks {
			if !s.down {
				s.run(i, true)
			}
		}
		if len(s.acks)+len(s.persists)+len(s.commits)+len(s.triggers[0])+len(s.triggers[1]) == 0 {
			s.advance(0, true)
		}
		if s.over && len(s.commits) == 0 {
			if slices.ContainsFunc(s.tasks, func(task *simTask) bool { return task.next < s.limit }) {
				s.boot()
				continue
			}
			return
		}
	}
}

func (s *simulation) check() {
	pieces := slices.SortedFunc(maps.Keys(s.visible), func(a, b piece) int { return cmp.Or(a.task-b.task, a.from-b.from, a.to-b.to) })
	for task := range simTasks {
		next := 0
		for _, w := range pieces {
			if w.task != task {
				continue
			}
			if w.from != next {
				s.t.Fatalf("seed %d: task %d: %d is followed by %d to %d: %v", s.seed, task, next, w.from, w.to, pieces)
			}
			next = w.to
		}
		if next != s.limit {
			s.t.Fatalf("seed %d: task %d ends at %d of %d: %v", s.seed, task, next, s.limit, pieces)
		}
	}
}
