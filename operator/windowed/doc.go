// Package windowed is the operator that aggregates the rows of each key in windows.
//
// There are two ways, chosen by what is asked ([window.Spec.HasSlices]):
//
//   - [Sliced], for sliding and tumbling windows that fire by the watermark. Time is cut into slices, the greatest stretches that no window
//     begins or ends within. A row is added to its slice, whatever the number of windows it is in; a window is the slices in it, kept as a
//     running value for each key (see pane). Everything works on batches, and there are no timers: windows fire in the order of their ends.
//   - [PerKey], for everything else: sessions, triggers, count and global windows, evictors, retractions. Windows lie in keyed state.
//
// Windows on slices can be computed in two steps: [Partial], before the exchange by the keys, makes states of rows by key and slice, and [Sliced]
// puts states together instead of rows ([Spec.OfStates]). What it keeps in checkpoints is the same.
//
// The rules are those of package window. A row is late against the watermark before its batch; late rows fire a window again once a batch.
// Output rows have the keys, the window and which of its panes it is (window.Fields), and the results; their event time is the window's end
// less a tick.
//
// Stability: engine-private.
package windowed
