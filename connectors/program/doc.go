// Package program has programs of others, in whatever language, as sources and sinks: they write records, or read them, as an Arrow IPC stream, on
// their standard output or input, or over a connection.
//
//	in := program.Source[Order]{Command: []string{"python3", "orders.py", "--after", "{position}"}, Replay: program.ByPosition, Position: "id"}
//	out := program.Sink[Alert]{Address: "unix:/run/alerts.sock"}
//
// # Sources
//
// A source is one or more splits, for each of which the program is started once, by the task that has the split. Its stream's columns are matched with those
// of the records by name. A stream without end mark, or an exit code that is not 0, is an error, with what the program has said on its standard error
// at last. The program is asked to stop (SIGTERM to its process group, SIGKILL two seconds later) when the job stops; its standard input ends when
// the job's process does, however that comes.
//
// What there is after a failure depends on the program, which the source is told by Replay: one that gives the same records each time it is started,
// or that can begin behind a position, is read exactly once. Of one that can do neither, records on their way are lost with a failure.
//
// Instead of being started a program may listen. Then the source connects, sends one line of JSON, {"split":0,"splits":1,"position":""}, and reads.
//
// # Sinks
//
// What a task writes between two checkpoints is one stream. For it the program is started, with the stream on its standard input, and ends with exit code 0
// when it has made all of it durable: delivery is at least once, for after a failure records since the last checkpoint come again. Where records
// have a key, a program that overwrites by it makes that exactly once. A program that is stopped sees a stream without end mark; it may drop what it has.
// One that listens gets the line {"task":0,"tasks":1} and the stream, and answers "ok" and a newline, or what is wrong.
//
// A reader has a goroutine for each split, which Close ends. Stability: public.
package program
