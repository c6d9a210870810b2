// Package watermark says how far event time has come, judged by the event times seen.
//
// A [Strategy] is a plain value that a job is built with: [Bounded], [Monotonous], [Punctuated] or [Custom], and what is to be done about
// splits that fall silent, splits that run ahead, and times far in the future. A [Tracker] is one task's instance: it keeps a [Generator] for
// each split and gives their minimum. It is pure: it is told the time and does nothing by itself.
//
//	split a  ...12 15 14|  a's watermark 9 .
//	                                       +-- minimum over splits that are not idle: 9
//	split b  ...20 19 22|  b's watermark 16'
//
// # Rules
//
//   - Watermark t says that nothing with an event time of t or before will come. With a bounded delay it is the greatest time seen, less the
//     delay, less one tick (1 µs): a row that is late by exactly the delay is not late.
//   - The watermark of a task never goes back, though that of a new split may lie before it.
//   - A split without rows for the time-out is idle and left out of the minimum, until its next row. When all splits are idle so is the task,
//     and its watermark stays where it was: silence alone moves no time.
//   - A task without splits is idle after a second, so that more tasks than splits do not stop a job.
//   - Alignment pauses splits that are ahead of the slowest of their group by more than the drift ([Ahead]); a whole task waits
//     when all of its splits are ahead. A paused split is not idle, however long it is paused.
//
// The package starts no goroutines. Stability: public for strategies, engine-private for the Tracker.
package watermark
