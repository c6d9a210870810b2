package budget

// Account is one consumer of a Budget. A nil Account counts nothing and refuses nothing: it is for tests and for memory that another
// account holds already.
type Account struct {
	name   string
	budget *Budget

	// Guarded by budget.mu.
	used  int64
	peak  int64
	short bool
}

// isActive says whether the account takes part in sharing.
func (a *Account) isActive() bool { return a.used > 0 || a.short }

// Name returns the name the account was opened with.
func (a *Account) Name() string {
	if a == nil {
		return "unlimited"
	}
	return a.name
}

// TryGrow asks for n more bytes. False means that they are not there: spill, give back, and ask again.
func (a *Account) TryGrow(n int64) bool {
	if a == nil {
		return true
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	return a.budget.grow(a, n)
}

// Grow is TryGrow with an error that matches ErrExceeded.
func (a *Account) Grow(n int64) error {
	if a.TryGrow(n) {
		return nil
	}
	b := a.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	return &ExceededError{Account: a.name, Asked: n, Held: a.used, Used: b.used, Total: b.total}
}

// Force takes n bytes whether they are there or not. It is for memory that exists already, and for the one batch or block without which
// an operator that has spilled everything could not go on. Others are refused until the surplus is gone.
func (a *Account) Force(n int64) {
	if a == nil {
		return
	}
	a.budget.backing.Force(n)
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.budget.take(a, n)
}

// Release gives n bytes back. To give back more than is held is a broken invariant and panics.
func (a *Account) Release(n int64) {
	if a == nil {
		return
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.budget.release(a, n)
}

// Resize makes the account hold n bytes: it asks for what is missing or gives back what is too much. False leaves it as it was.
func (a *Account) Resize(n int64) bool {
	if a == nil {
		return true
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	if n <= a.used {
		a.budget.release(a, a.used-n)
		return true
	}
	return a.budget.grow(a, n-a.used)
}

// Used returns the bytes held.
func (a *Account) Used() int64 {
	if a == nil {
		return 0
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	return a.used
}

// Peak returns the most bytes held at once.
func (a *Account) Peak() int64 {
	if a == nil {
		return 0
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	return a.peak
}

// Pressed says whether the account holds more than its fair share while another is short: a holder that does not grow any more, such as
// a finished table, looks here now and then and spills when it can.
func (a *Account) Pressed() bool {
	if a == nil {
		return false
	}
	b := a.budget
	b.mu.Lock()
	pressed := a.used > b.fairShare(a) && b.othersShort(a)
	b.mu.Unlock()
	return pressed || a.used > 0 && b.backing.Pressed()
}

// Mapped reports that n bytes of the account (fewer when negative) lie outside the Go heap, so that the Governor gives the heap the rest.
// The account holds them already.
func (a *Account) Mapped(n int64) {
	if a == nil {
		return
	}
	root := a.budget.root
	root.mapped.Add(n)
	if f := root.watcher.Load(); f != nil {
		(*f)()
	}
}

// Close gives everything back and ends the account. Closing twice is allowed.
func (a *Account) Close() {
	if a == nil {
		return
	}
	a.budget.remove(a)
}
