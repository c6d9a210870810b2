// Package statetest has what every state back end must pass: [Run] drives it by random operations beside a store of Go maps, freezes it while it
// is written to, gives its state to other stores at another parallelism, lets time pass, and takes its memory away.
//
// The package is for tests. Stability: extension.
package statetest

import (
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/state"
)

// Config is what a store is made for.
type Config struct {
	Keys   []columnar.Field
	Groups state.Groups
	Memory *budget.Account
	Clock  func() time.Time
}

// Open returns an empty store of a back end. What it needs beside the configuration, such as a folder, it takes from t.
type Open func(t testing.TB, cfg Config) state.Store

// Reference opens a store of Go maps.
func Reference(t testing.TB, cfg Config) state.Store {
	t.Helper()
	s, err := NewReference(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
