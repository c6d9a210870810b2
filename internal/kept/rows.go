// Package kept holds the rows that an operator keeps in memory until it may give them: compact copies in batches of a few hundred KiB,
// counted in the operator's account. Sorts, join tables and collects stand on it.
//
// Stability: engine-private.
package kept

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
)

const (
	// wholeBytes is the size from which a batch is copied as it is, exactly as large as it must be; smaller ones are collected.
	wholeBytes = 64 << 10
	// chunkBytes is the size at which collected rows are closed.
	chunkBytes = 512 << 10
)

// Rows is rows in memory, in the order they were added. Make it with New; Free ends it.
type Rows struct {
	schema  *columnar.Schema
	account *budget.Account
	each    int64 // bytes counted for each row beside its columns

	batches []columnar.Batch
	builder *columnar.BatchBuilder // rows not closed yet
	rows    int
	size    int64 // of batches
	held    int64
}

// New returns no rows. each is the bytes that the caller keeps for each row beside its columns: they are counted with it. A nil account
// counts nothing.
func New(schema *columnar.Schema, account *budget.Account, each int) *Rows {
	return &Rows{schema: schema, account: account, each: int64(each)}
}

// TryAdd copies the rows of b that count. False: the account refused the memory and nothing was added.
func (r *Rows) TryAdd(b columnar.Batch) bool {
	need := r.need(b)
	if !r.account.TryGrow(need) {
		return false
	}
	r.held += need
	r.add(b)
	return true
}

// Add is TryAdd that takes the memory whether it is there or not: for the one batch without which an operator cannot go on.
func (r *Rows) Add(b columnar.Batch) {
	need := r.need(b)
	r.account.Force(need)
	r.held += need
	r.add(b)
}

// TryKeep is TryAdd for a batch that is given away: one that is large enough is kept as it is.
func (r *Rows) TryKeep(b columnar.Batch) bool {
	need := r.need(b)
	if !r.account.TryGrow(need) {
		return false
	}
	r.held += need
	r.take(b)
	return true
}

// Keep is TryKeep that takes the memory whether it is there or not.
func (r *Rows) Keep(b columnar.Batch) {
	need := r.need(b)
	r.account.Force(need)
	r.held += need
	r.take(b)
}

// take adds a batch that is given away.
func (r *Rows) take(b columnar.Batch) {
	if b.Sel != nil || b.Size() < wholeBytes {
		r.add(b)
		return
	}
	r.close()
	r.rows += b.Len
	r.keep(b)
	r.settle()
}

// need returns about the bytes that b's rows will take.
func (r *Rows) need(b columnar.Batch) int64 {
	n := int64(b.Rows())
	return int64(b.Size())*n/int64(max(1, b.Len)) + n*r.each
}

func (r *Rows) add(b columnar.Batch) {
	n := b.Rows()
	if n == 0 {
		return
	}
	r.rows += n
	if r.open() == 0 && b.Size()*n/b.Len >= wholeBytes {
		r.keep(b.Clone())
		r.settle()
		return
	}
	if r.builder == nil {
		r.builder = columnar.NewBatchBuilder(r.schema, 0)
	}
	r.builder.Append(b, b.Sel)
	if r.builder.Size() >= chunkBytes {
		r.close()
	}
}

// open returns the number of rows in the builder.
func (r *Rows) open() int {
	if r.builder == nil {
		return 0
	}
	return r.builder.Len()
}

// close makes a batch of the rows collected, and counts what the rows take in fact.
func (r *Rows) close() {
	if r.open() == 0 {
		return
	}
	r.keep(r.builder.Finish())
	r.settle()
}

func (r *Rows) keep(b columnar.Batch) {
	r.batches = append(r.batches, b)
	r.size += int64(b.Size())
}

// settle corrects the count; all rows must be in batches.
func (r *Rows) settle() {
	exact := r.size + int64(r.rows)*r.each
	if exact > r.held {
		r.account.Force(exact - r.held)
	} else {
		r.account.Release(r.held - exact)
	}
	r.held = exact
}

// Batches returns all rows. The batches are immutable and stay valid after Free; they are the first ones of what later calls return.
func (r *Rows) Batches() []columnar.Batch {
	r.close()
	return r.batches
}

// Closed returns the batches that are full already, without those rows that wait for more.
func (r *Rows) Closed() []columnar.Batch { return r.batches }

// Len returns the number of rows.
func (r *Rows) Len() int { return r.rows }

// Held returns the bytes counted.
func (r *Rows) Held() int64 { return r.held }

// Free forgets all rows and gives their memory back. Rows can be added again.
func (r *Rows) Free() {
	r.account.Release(r.held)
	r.batches, r.builder, r.rows, r.size, r.held = nil, nil, 0, 0, 0
}
