// Package nexmark makes the events of the Nexmark benchmark: people who join an auction house, the auctions they open, the bids on them.
//
// Proportions and distributions are those of github.com/nexmark/nexmark (itself after Apache Beam's generator): of every 50 events one is a
// person, three are auctions, 46 are bids; half of the bids go to hot auctions, three quarters come from hot bidders, and so on. Unlike there,
// event n is a pure function of n, so that any task may make any part, a task that goes on makes the same, and two engines see the same events.
// They are those of the benchmarks' files too, which file.Source[Event] reads.
//
// [Source] makes only the columns that are wanted, a column at a time, and the random numbers only up to the last one that is needed: some tens
// of millions of events a second a core when there are no long texts among them.
//
// [Rounds] reads files of events again and again, for runs that last longer than the files.
//
// Stability: public. The package starts no goroutines.
package nexmark
