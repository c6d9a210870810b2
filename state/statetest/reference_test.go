package statetest_test

import (
	"testing"

	"github.com/millrace/millrace/state/statetest"
)

// TestReference looks whether the suite itself holds.
func TestReference(t *testing.T) { statetest.Run(t, statetest.Reference) }
