// Package partition decides which rows of a batch go to which channel of an edge.
//
// A [Partitioner] takes a batch and the number of channels and gives, for each channel, the positions of its rows. There is one for each
// way to spread rows:
//
//   - [Hash]: rows with equal keys to the same channel, by way of key groups, so that state and exchanges agree on who has which key.
//   - [Index]: a column of the batch says which channel.
//   - [Spread]: evenly, whatever the rows are; [Rescale]: evenly over some of the channels; [Shuffle]: at random.
//   - [Load]: to the channel in which the fewest rows wait.
//   - [Forward]: all to one channel. [Broadcast]: all to all.
//
// Within a channel rows keep their order. Partitioners keep scratch space: one belongs to one goroutine. None are started here.
//
// Ranges of keys have no partitioner: an exchange that is cut by range sorts, and is cut when all keys are known (package shuffle).
//
// Stability: engine-private, but for the way from hash to key group to channel, which is part of the state format.
package partition
