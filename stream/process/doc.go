// Package process turns the user's stateful functions over records, timers and rules into work on batches, with their types hidden: what
// package rows is for functions without state.
//
//   - The functions are methods of a struct of the user's: a [Processor], a [CoProcessor] of two inputs, a [BroadcastProcessor] with rules
//     that every task gets, an [Each] without keys. [TimerProcessor] and [AlarmProcessor] are what they may implement besides. Each task
//     makes one instance; its fields of the types of package state are bound to the task's state once.
//   - [Context] and [Output] are what the methods may use. They belong to the task, not to the record: nothing is allocated per record.
//   - A [Program] describes such a function in a plan: input and output types, side outputs ([Tag]), tables of state.
//   - A [Runner] is a program at work in one task. It decodes a batch's keys and records at once, looks all its keys up at once
//     (state.Store.Select), and then calls the method record by record, the current key switched in between. What is emitted is encoded into
//     columns, with the time of the record or timer that caused it.
//
// The package starts no goroutines.
//
// Stability: the types that package datastream repeats are public, the rest is engine-private.
package process
