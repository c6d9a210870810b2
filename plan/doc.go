// Package plan is the one logical graph that every front end writes and everything below reads.
//
// A [Job] is nodes in the order in which they were added; a [Node] is an operation ([Op]) on the output of other nodes, with the user's
// file and line. Operations are a closed set of small structs (op.go): what is to be done, not how. Functions of the user's appear as
// programs of package stream/rows, whose types are hidden; everything the optimiser may move, split or push down is an expression, a
// list of columns, or an aggregate.
//
// Front ends collect mistakes with [Job.Fail] and go on, so that all of them are reported together. Build does no I/O: a node whose
// schema only the data can tell has none until the runner has asked the source.
//
// Package plan/optimize rewrites the graph, plan/physical cuts it into stages.
//
// Stability: extension, by [Apply]-like use of Job.Add with the operations listed here.
package plan
