// Package heap keeps keyed state in memory.
package heap

import (
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/state"
)

// Config is what a store is made for.
type Config struct {
	Keys   []columnar.Field
	Groups state.Groups
	Memory *budget.Account  // what the store holds is counted here; nil: nowhere
	Clock  func() time.Time // processing time, for times to live; nil: time.Now
}
