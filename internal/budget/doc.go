// Package budget divides the one memory number that a user gives a process.
//
//   - [Budget] is a number of bytes; a child budget takes its bytes from its parent, up to a limit of its own.
//   - [Account] is one consumer of a budget: an operator of a task, an exchange, a state back end. It asks before it allocates and gives
//     back after it freed. A refusal means: spill, then ask again.
//   - [Governor] keeps the Go heap to what memory outside of it (package arena) leaves of the process's limit.
//   - [ParseSize] and [FormatSize] read and write sizes as users do: 512m, 1.5GiB.
//
// # Sharing
//
// A quarter of a budget is kept in equal parts for its accounts, so that each can always work, however slowly. The rest goes to
// whoever asks first. An account that is refused below its fair share (the total by the number of accounts that hold or want something) is short
// until it gets something; as long as one is short, accounts above their fair share are refused. They spill, and all begin anew.
//
//	|<--------- lent to who asks first ---------->|<-- kept: a part for each account -->|
//	0                                         3/4 total                               total
//
// Budgets count; they allocate nothing and start no goroutines. All types are safe for concurrent use: a mutex in each budget guards it
// and its accounts, and is taken before that of the parent.
//
// Stability: engine-private.
package budget
