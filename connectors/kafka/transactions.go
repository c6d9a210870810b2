package kafka

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/connectors"
)

// names is how a sink's transactions are named: PREFIX-TASK-SLOT; without checkpoints, where several attempts of a task may write at a time,
// PREFIX-RUN-TASK-SLOT-ATTEMPT.
type names struct {
	prefix string
	run    string // "": there are checkpoints
}

func (n names) id(task, slot, attempt int) string {
	if n.run != "" {
		return fmt.Sprintf("%s-%s-%d-%d-%d", n.prefix, n.run, task, slot, attempt)
	}
	return fmt.Sprintf("%s-%d-%d", n.prefix, task, slot)
}

// parse returns the task and slot of a name that has no run.
func (n names) parse(id string) (task, slot int, ok bool) {
	rest, found := strings.CutPrefix(id, n.prefix+"-")
	first, second, two := strings.Cut(rest, "-")
	task, err := strconv.Atoi(first)
	slot, err2 := strconv.Atoi(second)
	return task, slot, found && two && err == nil && err2 == nil && task >= 0 && slot >= 0
}

// pattern matches the names of all tasks, in the brokers' regular expressions.
func (n names) pattern() string {
	if n.run != "" {
		return "^" + regexp.QuoteMeta(n.prefix+"-"+n.run) + "-[0-9]+-[0-9]+-[0-9]+$"
	}
	return "^" + regexp.QuoteMeta(n.prefix) + "-[0-9]+-[0-9]+$"
}

// prepared is a transaction that waits to be committed. The zero value stands for records that need no commit.
type prepared struct {
	ID         string `json:"id,omitempty"`
	ProducerID int64  `json:"producer,omitempty"`
	Epoch      int16  `json:"epoch,omitempty"`
}

func (p prepared) committable(rows, bytes int64) (connectors.Committable, error) {
	data, err := json.Marshal(p)
	return connectors.Committable{Data: append([]byte{version}, data...), Rows: rows, Bytes: bytes}, err
}

var errCommittable = errors.New("what is to be committed to Kafka is not in an encoding of this version")

func decodePrepared(data []byte) (p prepared, err error) {
	if len(data) == 0 || data[0] != version {
		return p, errCommittable
	}
	err = json.Unmarshal(data[1:], &p)
	return p, err
}

// transaction is one that is open, or may be opened: its producer is known to the brokers and older ones of its name are fenced.
type transaction struct {
	id     string
	slot   int
	client *kgo.Client
}

// transactions are one task's.
//
// Invariant: a name is used again only when its last transaction is aborted, or committed and so is a later one of this writer. A job goes on
// from its last complete checkpoint and commits what that has prepared once more; so a name that such a checkpoint knows is left alone until
// another is complete, and that second commit finds the transaction as it was.
type transactions struct {
	cluster              cluster
	names                names
	task, tasks, attempt int
	timeout              time.Duration

	recovered bool
	restored  []prepared
	admin     *kgo.Client // nil before the first use
	slots     []slot
	seq       int
	ahead     chan opened // nil: nothing is being opened
	stop      context.CancelFunc

	mu      sync.Mutex // guards pending, which state looks at while the next transaction is being opened
	pending []prepared // prepared and not known to be committed
}

// slot is the use of one name.
type slot struct {
	open      bool
	seq       int  // when it was prepared last, 0 by an earlier writer
	committed bool // its last transaction is committed, as far as known
}

// opened is the result of opening ahead.
type opened struct {
	t   *transaction
	err error
}

func (t *transactions) client() (*kgo.Client, error) {
	if t.admin == nil {
		var err error
		if t.admin, err = t.cluster.client(); err != nil {
			return nil, err
		}
	}
	return t.admin, nil
}

// next returns a transaction to write to.
func (t *transactions) next(ctx context.Context, options []kgo.Opt) (*transaction, error) {
	if t.ahead == nil {
		return t.take(ctx, options)
	}
	select {
	case o := <-t.ahead:
		t.ahead = nil
		t.stop()
		return o.t, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// openAhead begins to open the next transaction on a goroutine of its own, so that the next Write need not wait. Until next or close have its
// result, nothing else uses t, but state.
func (t *transactions) openAhead(options []kgo.Opt) {
	if t.names.run != "" { // there is no next one
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.stop, t.ahead = cancel, make(chan opened, 1)
	go func(ahead chan<- opened) { // ends when stop is called, or by itself
		tx, err := t.take(ctx, options)
		ahead <- opened{tx, err}
	}(t.ahead)
}

// take opens a transaction under a free name.
func (t *transactions) take(ctx context.Context, options []kgo.Opt) (*transaction, error) {
	if err := t.recover(ctx); err != nil {
		return nil, err
	}
	if err := t.look(ctx); err != nil {
		return nil, err
	}
	slot := t.free()
	id := t.names.id(t.task, slot, t.attempt)
	client, err := t.cluster.client(append(append([]kgo.Opt{}, options...), kgo.TransactionalID(id), kgo.TransactionTimeout(t.timeout))...)
	if err != nil {
		return nil, err
	}
	if _, _, err := client.ProducerID(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("opening the transaction %s: %w", id, err)
	}
	t.slots[slot].open, t.slots[slot].committed = true, false
	return &transaction{id: id, slot: slot, client: client}, nil
}

// free returns the first name that may be used.
func (t *transactions) free() int {
	last := -1 // the latest that is known to be committed
	for _, s := range t.slots {
		if s.committed {
			last = max(last, s.seq)
		}
	}
	for i, s := range t.slots {
		if !s.open && (s.seq < 0 || s.committed && s.seq < last) {
			return i
		}
	}
	t.slots = append(t.slots, slot{seq: aborted})
	return len(t.slots) - 1
}

// aborted is the seq of a slot whose last transaction does not matter.
const aborted = -1

// look asks what has become of the transactions that were prepared, and aborts those that somebody has opened who should be dead.
func (t *transactions) look(ctx context.Context) error {
	var ids []string
	for i, s := range t.slots {
		if !s.open && t.names.run == "" {
			ids = append(ids, t.names.id(t.task, i, t.attempt))
		}
	}
	found, err := t.describe(ctx, ids)
	if err != nil {
		return err
	}
	for id, d := range found {
		_, i, ok := t.names.parse(id)
		if !ok || i >= len(t.slots) {
			continue
		}
		waits := t.slots[i].seq > 0 && !t.slots[i].committed
		switch {
		case waits && (d.State == stateCommitted || d.State == stateEmpty): // some brokers forget how it ended
			t.slots[i].committed = true
			t.settled(id)
		case !waits && isOpen(d.State):
			if err := abort(ctx, t.admin, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// settled takes a transaction off those that a restart would have to commit.
func (t *transactions) settled(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending = slices.DeleteFunc(t.pending, func(p prepared) bool { return p.ID == id })
}

// recover commits what the checkpoint gone on from has prepared, and aborts what earlier writers left open: those of this task's number, and of
// the numbers beyond the tasks there are now that fall to it.
func (t *transactions) recover(ctx context.Context) error {
	if t.recovered {
		return nil
	}
	client, err := t.client()
	if err != nil {
		return err
	}
	done := map[string]bool{} // names whose last transaction is committed
	for _, p := range t.restored {
		// What is lost is for the coordinator to say: it commits what the checkpoint has, and not, as here, also what older ones had.
		err := p.commit(ctx, client)
		if err != nil && !errors.Is(err, ErrLost) {
			return err
		}
		done[p.ID] = err == nil
	}
	if t.names.run == "" {
		if err := t.sweep(ctx, client, done); err != nil {
			return err
		}
	}
	t.recovered, t.restored = true, nil
	return nil
}

// sweep aborts what is open and learns which names have been used. Those that are done are committed, whatever their state: some brokers forget how
// a transaction ended, and fencing it would make the next commit of the same checkpoint, after another failure, look like a loss.
func (t *transactions) sweep(ctx context.Context, client *kgo.Client, done map[string]bool) error {
	found, err := listTransactions(ctx, client, t.names)
	if err != nil {
		return err
	}
	var committed []string // of this task's own number
	for _, l := range found {
		task, i, ok := t.names.parse(l.TxnID)
		if !ok || task%t.tasks != t.task {
			continue
		}
		if !done[l.TxnID] && (isOpen(l.State) || l.State == stateEmpty) { // whoever has opened it, used or not, is fenced
			if err := abort(ctx, client, l.TxnID); err != nil {
				return err
			}
		}
		if task != t.task || i >= maxSlots {
			continue
		}
		for len(t.slots) <= i {
			t.slots = append(t.slots, slot{seq: aborted})
		}
		if done[l.TxnID] || l.State == stateCommitted || l.State == statePreparing {
			committed = append(committed, l.TxnID)
		}
	}
	return t.leaveAlone(ctx, committed, done)
}

// leftAlone is how many names, those committed last, are not used by a writer that begins: the checkpoint gone on from has one of them.
const leftAlone = 2

// leaveAlone holds names back until a checkpoint of this writer is committed: of those that are committed, the ones begun last, and those that were
// done for the checkpoint gone on from.
func (t *transactions) leaveAlone(ctx context.Context, ids []string, done map[string]bool) error {
	found, err := t.describe(ctx, ids)
	if err != nil {
		return err
	}
	all := found.Sorted()
	slices.SortFunc(all, func(a, b kadm.DescribedTransaction) int { return cmp.Compare(b.StartTimestamp, a.StartTimestamp) })
	for k, d := range all {
		if _, i, ok := t.names.parse(d.TxnID); ok && (done[d.TxnID] || k < leftAlone || d.StartTimestamp <= 0) { // without a time it may be any
			t.slots[i] = slot{committed: true}
		}
	}
	return nil
}

// describe asks for the state of transactions.
func (t *transactions) describe(ctx context.Context, ids []string) (found kadm.DescribedTransactions, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	client, err := t.client()
	if err != nil {
		return nil, err
	}
	err = retry(ctx, func(ctx context.Context) (err error) {
		found, err = kadm.NewClient(client).DescribeTransactions(ctx, ids...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("asking for the state of transactions: %w", err)
	}
	return found, nil
}

// maxSlots is far beyond the names that a task ever needs: a few more than there are checkpoints under way.
const maxSlots = 1024

// prepare ends the writer's part of a transaction, which is flushed.
func (t *transactions) prepare(ctx context.Context, open *transaction) (prepared, error) {
	id, epoch, err := open.client.ProducerID(ctx)
	if err != nil {
		return prepared{}, fmt.Errorf("preparing the transaction %s: %w", open.id, err)
	}
	open.client.Close()
	t.seq++
	t.slots[open.slot] = slot{seq: t.seq}
	p := prepared{ID: open.id, ProducerID: id, Epoch: epoch}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending = append(t.pending, p)
	return p, nil
}

// stateVersion begins a state; JSON of the prepared transactions follows.
const stateVersion = 1

func (t *transactions) state() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	data, err := json.Marshal(t.pending)
	return append([]byte{stateVersion}, data...), err
}

func (t *transactions) restore(ctx context.Context, states [][]byte) error {
	for _, s := range states {
		if len(s) == 0 {
			continue
		}
		if s[0] != stateVersion {
			return errCommittable
		}
		var p []prepared
		if err := json.Unmarshal(s[1:], &p); err != nil {
			return fmt.Errorf("reading what Kafka transactions are prepared: %w", err)
		}
		t.restored = append(t.restored, p...)
	}
	return t.recover(ctx)
}

// close waits for what is being opened.
func (t *transactions) close() {
	if t.ahead != nil {
		t.stop()
		if o := <-t.ahead; o.t != nil {
			o.t.client.Close()
		}
		t.ahead = nil
	}
	if t.admin != nil {
		t.admin.Close()
		t.admin = nil
	}
}

// States of transactions, as brokers name them.
const (
	stateEmpty     = "Empty" // its producer is known and has not begun
	statePreparing = "PrepareCommit"
	stateCommitted = "CompleteCommit"
)

func isOpen(state string) bool { return state == "Ongoing" || state == "PrepareEpochFence" }

// listTransactions returns a sink's transactions.
func listTransactions(ctx context.Context, client *kgo.Client, n names) ([]kadm.ListedTransaction, error) {
	pattern := n.pattern()
	var found kadm.ListedTransactions
	err := retry(ctx, func(ctx context.Context) (err error) {
		found, err = kadm.NewClient(client).ListTransactionsByTxPattern(ctx, nil, nil, pattern)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the transactions %s-*: %w", n.prefix, err)
	}
	ours := regexp.MustCompile(pattern) // older brokers list all
	var out []kadm.ListedTransaction
	for _, l := range found.Sorted() {
		if ours.MatchString(l.TxnID) {
			out = append(out, l)
		}
	}
	return out, nil
}
