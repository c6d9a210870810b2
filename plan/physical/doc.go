// Package physical cuts an optimised logical graph into stages.
//
// A [Stage] is a chain of operators that one task runs from end to end; stages are joined by [Edge]s, over which rows are exchanged. Compile
// decides what needs an exchange and which: aggregates, and windows of slices, become a partial one before and a final one behind a hash exchange, a
// join gets its sides by hash or one of them to all tasks, a global sort sorts runs before and merges ranges behind a range exchange.
//
// A blocking edge is complete before its consumer starts: the consumer can be run again, its number of tasks can follow the bytes that came,
// and range boundaries the keys that were seen. A pipelined edge flows: producer and consumer run, and fail, together; stages joined by
// pipelined edges are a [Plan.Regions] region. Bounded jobs use blocking edges unless they are told otherwise; the planner never pipelines
// both ways around a diamond, which could wait for itself.
//
// The plan is a description: it holds no task, opens nothing, and is not changed once made.
//
// Stability: engine-private.
package physical
