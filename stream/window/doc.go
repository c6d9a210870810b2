// Package window is the vocabulary of windows: which rows belong together (where in time), when a window's result is given, and how the
// results of one window relate. It follows the Dataflow model (Akidau et al., PVLDB 8(12), 2015) and the rules of Flink's window operator.
//
// An [Assigner] puts rows into windows: [Tumbling], [Sliding], [Session], [SessionBy], [Global], [CountTumbling], [CountSliding]. A [Trigger]
// says when a window fires: in event time, processing time, by count, by change, or a composite of these. A [Mode] says whether a firing
// gives what is new, all there is, or takes the last result back first. An [Evictor] drops rows before a window function sees them. A
// [Spec] is one of each: plain data that a job is built with. A [Pane] is one firing, as window functions see it.
//
//	        lateness
//	 window      |
//	[start ... end)----|
//	              ^    ^
//	              |    '- watermark >= end - 1 tick + lateness: the window's state goes; what comes later is late and dropped
//	              '- watermark >= end - 1 tick: the window fires on time; rows that come from here on are late and make it fire again
//
// # Rules
//
//   - A window begins at t - floorMod(t - offset, slide) and holds times from its start up to, not including, its end. Its last time is its
//     end less one tick of 1 µs, and this is the event time of its results.
//   - A row is dropped as late when the last time of its window plus the allowed lateness is not after the watermark before the row's batch.
//     Of sliding windows only those that are over are closed to it.
//   - A window without rows does not fire.
//   - Nothing is lost silently: what a trigger has not given by the time a window's state goes is given then. This includes global and count
//     windows at the end of the input.
//   - A firing is early before the watermark has passed the window's last time, on time when the watermark passing it causes it, and late
//     after that. There is one firing on time at most.
//   - Sessions merge: a session of gap g around t is [t, t+g), and sessions that overlap or touch become one, with their state and triggers.
//
// Everything here is pure. The package starts no goroutines. Stability: public.
package window
