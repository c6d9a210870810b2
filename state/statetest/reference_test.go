package statetest_test

import (
	"testing"

	"github.com/millrace/millrace/state/statetest"
)

// TestReference looks whether what the others are compared with gives its state back, as far as that can be seen without another.
func TestReference(t *testing.T) { statetest.Between(t, statetest.Reference, statetest.Reference) }
