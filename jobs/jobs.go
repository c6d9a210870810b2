// Package jobs has the ready-made jobs of the millrace command, which are at the same time its examples: each is a struct of parameters with
// Flags and Build, and nothing that a job of the user's could not have.
package jobs

import (
	"time"

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
		{"grep", "find the lines of text files that a regular expression matches", func() runner.Job { return &Grep{} }},
		{"convert", "write files of one format in another, or only some columns and records", func() runner.Job { return &Convert{} }},
		{"pagerank", "rank the pages of a web by their links", func() runner.Job { return &PageRank{Iterations: 10, Damping: 0.85} }},
		{"teragen", "write records of the sort benchmark", func() runner.Job { return &TeraGen{} }},
		{"terasort", "sort records of the sort benchmark", func() runner.Job { return &TeraSort{} }},
		{"teravalidate", "check the order, sum and number of sorted records", func() runner.Job { return &TeraValidate{Records: -1} }},
		{"tpch", "run query 1, 3 or 6 of TPC-H over Parquet files", func() runner.Job { return &TPCH{} }},
		{"sessions", "find the sessions of users in lines of user,time", func() runner.Job { return &Sessions{Visits: Visits{Late: time.Minute}, Gap: 30 * time.Minute} }},
		{"topn", "find the most frequent names of each window in lines of name,time", func() runner.Job { return &TopN{Visits: Visits{Late: time.Minute}, N: 10, Window: time.Hour} }},
		{"nexmark", "run a query of the Nexmark benchmark over a stream of bids", func() runner.Job { return &Nexmark{Query: "q5"} }},
		{"wordstream", "count words as they come, from a socket or from Kafka", func() runner.Job { return &WordStream{Start: "earliest", Idle: time.Minute} }},
		{"rules", "match events against rules that come, change and go while it runs", func() runner.Job { return &Rules{} }},
		{"publish", "write the records of files to a Kafka topic, exactly once", func() runner.Job { return &Publish{} }},
		{"archive", "keep the messages of Kafka topics as Parquet files in folders by day, exactly once", func() runner.Job { return NewArchive() }},
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
