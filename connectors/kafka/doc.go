// Package kafka reads topics and writes to them.
//
//   - [Source] reads partitions, each a split of its own. Positions are offsets and lie in the job's checkpoints; the offsets of a consumer group
//     are at most told to others. Partitions that are added later are found.
//   - [Sink] writes records, at least once or exactly once.
//   - [Record] and [Raw] are messages as they are.
//
// # Exactly once
//
// What a task writes between two checkpoints is one transaction. Prepare flushes it and hands over its name, producer id and epoch; the job's
// committer ends it from a client of its own, which Kafka allows: whoever knows these three may commit, also after the writer has died. The next
// transaction has another name, for the last one may be waiting for its checkpoint yet.
//
//	task 3:     <uid>-3-0 ======P..........C            <uid>-3-0 ======      P  flushed and prepared
//	                      <uid>-3-1 =======P........C                         C  the checkpoint is complete: committed
//
// Names are made of the job, the node's UID, the task, and a small number that is free again once its transaction and a later one are committed;
// so they are few, and a run that goes on finds all that earlier ones left, whatever their parallelism. A run first commits what its checkpoint
// has prepared (the coordinator does, and each task does it again for what it knows), then the tasks abort what is still open. Listing
// transactions needs Kafka 3.0 or newer.
//
// Kafka aborts a transaction by itself after its time-out. One that a checkpoint has prepared would be lost by that: the sink refuses time-outs
// that are shorter than twice the time between checkpoints, or than it and a minute, or longer than the brokers allow; and a commit that comes too
// late is [ErrLost], never silence.
// Readers see what was written only if they read committed records alone, as Source does.
//
// The package starts goroutines in the client library, which Close ends, and one for each transaction that is opened in advance, which
// the next Write or Close waits for. Stability: public.
package kafka
