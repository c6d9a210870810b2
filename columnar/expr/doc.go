// Package expr holds expressions over columns that the optimiser can see: it can print them, compare them, move them towards the source,
// and ask whether a file can hold a matching row, none of which it can do with a Go function.
//
//   - [Expr] is an immutable tree. [Col] and [Lit] make leaves, methods such as [Expr.Le] and [Expr.And] grow it, [Parse] reads it from
//     text, [Expr.String] prints text that Parse reads back, and JSON carries it inside plans.
//   - [Bind] checks a tree against a schema and compiles it to a [Program], which evaluates whole batches.
//   - [Conjuncts], [And], [Substitute], [Fold], [Bounds] and [MayMatch] are what optimisers and readers need.
//
// # Meaning
//
// Everything below holds for evaluation, for constant folding and for pruning alike.
//
// Null: an operation on null is null, except IS NULL, COALESCE, CASE and the three-valued AND, OR and NOT of SQL (false AND null is
// false, true OR null is true). A filter keeps the rows for which the predicate is true; null is not true. x IN (…) is null when x is
// null, and also when x is not in the list and the list holds a null.
//
// Numbers compare by value whatever their types: integers against integers and floats exactly; a decimal against a float column as
// float64. NaN equals NaN and is greater than every other number, -0.0 equals 0.0: the same order that package keys sorts by.
// Strings and binaries compare bytewise. A date compares with a timestamp as its midnight; a timestamp without zone compares with one of UTC
// as if its clock showed UTC.
//
// Literals take the type they are used with, when they can. A float or integer literal next to a decimal stands for the decimal that it
// is written as: 0.05 is exactly five hundredths. A string next to a date or timestamp is read as one. A literal that a column's type
// cannot hold (300 for an int8, 2.5 for an int64) still compares rightly.
//
// Arithmetic on integers is done in int64, or in uint64 where an operand is uint64; on floats in float64; on decimals in decimal. An
// integer with a float gives float64, an integer with a decimal gives decimal, a float column with a decimal gives float64. Overflow of integers and
// decimals is an error, as is their division by zero; floats follow IEEE 754. Division of integers truncates towards zero. Decimal sums have the larger scale,
// products the sum of the scales (at most 38), quotients the dividend's scale plus four, or six if that is more, truncated; all have precision 38.
//
// Casts: to a narrower number, an error when the value does not fit; from float to integer, truncation towards zero; to a decimal of
// smaller scale, rounding half away from zero; from float to decimal, rounding to the nearest. Casts from strings fail on text that is not such a value.
//
// Errors are raised only for rows that are evaluated: selected rows, and of those only the ones that the conditions further left in an
// AND, OR, CASE or COALESCE leave open. That makes x <> 0 AND 10 / x > 2 safe.
//
// Stability: public. The package starts no goroutines.
package expr
