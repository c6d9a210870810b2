package budget

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// keptPart is the part of a budget kept for its accounts in equal shares: one in keptPart bytes.
const keptPart = 4

// ErrExceeded is what errors of [Account.Grow] match: the budget has no room, the caller should spill.
var ErrExceeded = errors.New("memory budget exceeded")

// ExceededError says which account asked for how much, and what there was. It matches ErrExceeded.
type ExceededError struct {
	Account string
	Asked   int64 // bytes
	Held    int64 // bytes of that account
	Used    int64 // bytes of the whole budget
	Total   int64 // bytes
}

// Error names the account and the sizes.
func (e *ExceededError) Error() string {
	return fmt.Sprintf("%v: %s asks for %s, holds %s; %s of %s are in use",
		ErrExceeded, e.Account, FormatSize(e.Asked), FormatSize(e.Held), FormatSize(e.Used), FormatSize(e.Total))
}

// Is makes the error match ErrExceeded.
func (e *ExceededError) Is(target error) bool { return target == ErrExceeded }

// Budget is a number of bytes that accounts share by the rules in the package comment.
type Budget struct {
	total   int64
	backing *Account // in the parent; nil for the root
	root    *Budget

	mu       sync.Mutex
	used     int64
	peak     int64
	active   int   // accounts that hold something or are short
	short    int   // accounts that were refused below their fair share, and have got nothing since
	claimed  int64 // sum over accounts of max(used, guarantee): what is taken or kept
	accounts map[*Account]struct{}

	mapped  atomic.Int64           // bytes outside the Go heap; of the root
	watcher atomic.Pointer[func()] // called after mapped changed; of the root
}

// New returns a budget of total bytes.
func New(total int64) *Budget {
	b := &Budget{total: total, accounts: make(map[*Account]struct{})}
	b.root = b
	return b
}

// Child returns a budget of at most limit bytes that are taken from b when they are used. For b it is one account of that name. Close
// ends it.
func (b *Budget) Child(name string, limit int64) *Budget {
	return &Budget{total: min(limit, b.total), backing: b.Account(name), root: b.root, accounts: make(map[*Account]struct{})}
}

// Close ends a child budget; its accounts are closed before. Closing a root does nothing.
func (b *Budget) Close() { b.backing.Close() }

// Total returns the bytes of the budget.
func (b *Budget) Total() int64 { return b.total }

// Used returns the bytes in use by all accounts, those of children included.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Peak returns the most bytes that were in use at once.
func (b *Budget) Peak() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peak
}

// Mapped returns the bytes that accounts of b's root reported to lie outside the Go heap.
func (b *Budget) Mapped() int64 { return b.root.mapped.Load() }

// Account opens an account. Opening one lowers the shares of the others; what they hold, they keep.
func (b *Budget) Account(name string) *Account {
	a := &Account{name: name, budget: b}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accounts[a] = struct{}{}
	b.claim()
	return a
}

// remove ends account a.
func (b *Budget) remove(a *Account) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, open := b.accounts[a]; !open {
		return
	}
	b.release(a, a.used)
	b.set(a, 0, false)
	delete(b.accounts, a)
	b.claim()
}

// claim computes anew what is taken or kept, after the number of accounts changed.
func (b *Budget) claim() {
	b.claimed = 0
	for a := range b.accounts {
		b.claimed += max(a.used, b.guarantee())
	}
}

// guarantee returns the bytes kept for each account.
func (b *Budget) guarantee() int64 { return b.total / keptPart / int64(max(1, len(b.accounts))) }

// fairShare returns the bytes that a and the other active accounts would each have if all had the same.
func (b *Budget) fairShare(a *Account) int64 {
	n := b.active
	if !a.isActive() {
		n++
	}
	return b.total / int64(n)
}

// grow gives n bytes to a if the rules allow it.
func (b *Budget) grow(a *Account, n int64) bool {
	if !b.allows(a, n) || !b.backing.TryGrow(n) {
		b.set(a, a.used, a.used < b.fairShare(a))
		return false
	}
	b.take(a, n)
	return true
}

// allows decides about n more bytes for a: within its guarantee, what counts is that they are there at all; beyond it, that nobody's
// guarantee is touched and nobody else is short.
func (b *Budget) allows(a *Account, n int64) bool {
	if n == 0 {
		return true
	}
	held := a.used + n
	if n > b.total || held < 0 || b.used+n > b.total {
		return false
	}
	if held <= b.guarantee() {
		return true
	}
	more := held - max(a.used, b.guarantee())
	if b.claimed+more > b.total {
		return false
	}
	return held <= b.fairShare(a) || !b.othersShort(a)
}

// take counts n bytes for a.
func (b *Budget) take(a *Account, n int64) {
	if n < 0 {
		panic(fmt.Sprintf("budget: account %s takes %d bytes", a.name, n))
	}
	b.set(a, a.used+n, false)
	a.peak = max(a.peak, a.used)
	b.used += n
	b.peak = max(b.peak, b.used)
}

// release counts n bytes of a as free again.
func (b *Budget) release(a *Account, n int64) {
	if n < 0 || n > a.used {
		panic(fmt.Sprintf("budget: account %s gives back %d bytes of %d", a.name, n, a.used))
	}
	b.set(a, a.used-n, a.short)
	b.used -= n
	b.backing.Release(n)
}

// set makes a hold used bytes and be short or not, and keeps the sums over all accounts.
func (b *Budget) set(a *Account, used int64, short bool) {
	b.claimed -= max(a.used, b.guarantee())
	b.active -= oneIf(a.isActive())
	b.short -= oneIf(a.short)
	a.used, a.short = used, short
	b.claimed += max(a.used, b.guarantee())
	b.active += oneIf(a.isActive())
	b.short += oneIf(a.short)
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// othersShort says whether an account other than a is short.
func (b *Budget) othersShort(a *Account) bool {
	return b.short > oneIf(a.short)
}

// watch makes f be called, by whichever goroutine caused it, after the mapped bytes changed; nil ends it.
func (b *Budget) watch(f func()) {
	if f == nil {
		b.root.watcher.Store(nil)
		return
	}
	b.root.watcher.Store(&f)
}
