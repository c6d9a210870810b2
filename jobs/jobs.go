// Package jobs has the ready-made jobs of the millrace command, which are at the same time its examples: each is a struct of parameters with
// Flags and Build, and nothing that a job of the user's could not have.
package jobs

import (
	"github.com/millrace/millrace/runner"
)

// Entry is a ready-made job in the table.
type Entry struct {
	Name  string
	Short string            // one line
	New   func() runner.Job // with default parameters
}

// All returns the jobs in the order in which they are listed.
func All() []Entry {
	return []Entry{
		{"wordcount", "count the words of text files", func() runner.Job { return &WordCount{} }},
	}
}

// Find returns the job of that name.
func Find(name string) (Entry, bool) {
	for _, e := range All() {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}
