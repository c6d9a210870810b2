// Package agg holds the aggregates: functions of many rows that can be computed in parts.
//
// In the order a reader needs them:
//
//   - [Function] is an aggregate with its Go types hidden: what plans and operators see. It names the columns it reads, the columns of a
//     partial state, and the result's; New makes an [Accumulator].
//   - [Accumulator] keeps the states of all groups as dense arrays by group id, as a keys.Grouper numbers them, and is given a batch at a
//     time. The hot loops know neither interfaces nor nulls: values are widened and filtered first.
//   - [Aggregate] is what the typed APIs take: a Function together with the function that selects its input from a record. [Count], [Sum],
//     [Min] and so on make them, [Of] makes one of user code.
//   - [Into] says which field of a struct an aggregate's result goes to, so that several of them fill one struct.
//   - [Builtin] finds a Function by its name and the types of its input columns: the face for SQL.
//
// # Meaning
//
// Nulls are ignored, except by Count (of rows), First, Last and Collect, which take them as they are. A group in which nothing was taken
// has the result null, but a count of 0 and an empty list; typed aggregates, whose results cannot be null, give the zero value.
//
//	sum             of integers in 64 bits, of decimals with 38 digits: a result out of range is an [OverflowError]. Of floats in the
//	                order in which values come, so the last digits may differ from run to run.
//	min, max        by the engine's order (package keys): NaN is the greatest number, -0.0 is 0.0.
//	min_by, max_by  the second column where the first is least or greatest; the smallest of them if there are several.
//	avg             of integers and decimals from an exact sum of 128 bits; a float64, of decimals a decimal with 4 digits more.
//	first, last     in the order of arrival, which only a sorted or sequential input defines.
//	count_distinct  exact; memory grows with the distinct values.
//	approx_distinct HyperLogLog with 2^14 registers: standard error 0.8%.
//	quantile        DDSketch: a value within 1% of the exact one. Independent of the order and of how the input was split.
//	top_k           the k greatest values, greatest first.
//	collect         all values as a list, in the order of arrival.
//
// What Function.CanRetract allows is exact: a state after Add and Retract of the same rows is as before. Sums and averages of floats are
// therefore not among them.
//
// # States
//
// A partial state is a few columns of ordinary types: it travels through the exchange, lies in spilled files and savepoints, and any Arrow
// tool shows it. Merging states in any order and from any split of the input gives the same result, up to what is said above of floats and
// of arrival.
//
// The package starts no goroutines. An Accumulator belongs to one.
//
// Stability: public for the constructors, engine-private for Function and Accumulator.
package agg
