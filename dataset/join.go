package dataset

import (
	"errors"

	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/stream/rows"
)

// Hint says how a join is done; without one the sizes of the sides decide.
type Hint = plan.JoinHint

// The hints.
const (
	BroadcastLeft  = plan.BroadcastLeft
	BroadcastRight = plan.BroadcastRight
	HashLeft       = plan.HashLeft
	HashRight      = plan.HashRight
	SortMerge      = plan.SortMerge
)

// Join gives f of each pair of records with equal keys.
func Join[K comparable, L, R, Out any](left DataSet[L], right DataSet[R], leftKey func(L) K, rightKey func(R) K, f func(L, R) Out, hint ...Hint) DataSet[Out] {
	return pairs(left, right, leftKey, rightKey, plan.Inner, f, func(l *L, r *R) Out { return f(*l, *r) }, hint)
}

// LeftJoin gives f of each pair of records with equal keys, and of each left record that has no partner, with nil for the right.
func LeftJoin[K comparable, L, R, Out any](left DataSet[L], right DataSet[R], leftKey func(L) K, rightKey func(R) K, f func(L, *R) Out, hint ...Hint) DataSet[Out] {
	return pairs(left, right, leftKey, rightKey, plan.Left, f, func(l *L, r *R) Out { return f(*l, r) }, hint)
}

// RightJoin gives f of each pair of records with equal keys, and of each right record that has no partner, with nil for the left.
func RightJoin[K comparable, L, R, Out any](left DataSet[L], right DataSet[R], leftKey func(L) K, rightKey func(R) K, f func(*L, R) Out, hint ...Hint) DataSet[Out] {
	return pairs(left, right, leftKey, rightKey, plan.Right, f, func(l *L, r *R) Out { return f(l, *r) }, hint)
}

// FullJoin gives f of each pair of records with equal keys, and of each record of either side that has no partner, with nil for the
// other.
func FullJoin[K comparable, L, R, Out any](left DataSet[L], right DataSet[R], leftKey func(L) K, rightKey func(R) K, f func(*L, *R) Out, hint ...Hint) DataSet[Out] {
	return pairs(left, right, leftKey, rightKey, plan.Full, f, f, hint)
}

// SemiJoin gives the left records that have a partner, each once.
func SemiJoin[K comparable, L, R any](left DataSet[L], right DataSet[R], leftKey func(L) K, rightKey func(R) K, hint ...Hint) DataSet[L] {
	return kept(left, right, leftKey, rightKey, plan.Semi, hint)
}

// AntiJoin gives the left records that have no partner.
func AntiJoin[K comparable, L, R any](left DataSet[L], right DataSet[R], leftKey func(L) K, rightKey func(R) K, hint ...Hint) DataSet[L] {
	return kept(left, right, leftKey, rightKey, plan.Anti, hint)
}

// Cross gives f of every pair of records: as many as the product of the sides' sizes.
func Cross[L, R, Out any](left DataSet[L], right DataSet[R], f func(L, R) Out) DataSet[Out] {
	same(left.job, right.job, "Cross")
	op := plan.Join{Type: plan.Cross}
	node := left.job.Add(op, []*plan.Node{keyed(left, "Cross", true), keyed(right, "Cross", true)})
	return apply[Out](left.job, node, rows.Joined("Cross", rows.Sides{}, f, func(l *L, r *R) Out { return f(*l, *r) }), nil)
}

// pairs adds a join and the function over its pairs. User is the user's function, f the same one over pointers.
func pairs[K comparable, L, R, Out any](left DataSet[L], right DataSet[R], leftKey func(L) K, rightKey func(R) K, t plan.JoinType, user any, f func(*L, *R) Out, hint []Hint) DataSet[Out] {
	node, keys := join(left, right, leftKey, rightKey, t, hint)
	sides := rows.Sides{
		LeftKeys: keys, RightKeys: keys,
		LeftOptional: t == plan.Right || t == plan.Full, RightOptional: t == plan.Left || t == plan.Full,
	}
	return apply[Out](left.job, node, rows.Joined("Join", sides, user, f), nil)
}

// kept adds a join that gives left records.
func kept[K comparable, L, R any](left DataSet[L], right DataSet[R], leftKey func(L) K, rightKey func(R) K, t plan.JoinType, hint []Hint) DataSet[L] {
	node, keys := join(left, right, leftKey, rightKey, t, hint)
	return apply[L](left.job, node, rows.Kept[L]("Join", keys), nil)
}

func join[K comparable, L, R any](left DataSet[L], right DataSet[R], leftKey func(L) K, rightKey func(R) K, t plan.JoinType, hint []Hint) (node *plan.Node, keys int) {
	same(left.job, right.job, "Join")
	lk, rk := selector(left.job, "Join", leftKey), selector(right.job, "Join", rightKey)
	keys = len(lk.Fields)
	op := plan.Join{Type: t, LeftKeys: span(0, keys), RightKeys: span(0, keys)}
	if len(hint) > 0 {
		op.Hint = hint[0]
	}
	partner := keyed(right, "Join", t != plan.Semi && t != plan.Anti, rk)
	return left.job.Add(op, []*plan.Node{keyed(left, "Join", true, lk), partner}), keys
}

func same(a, b *plan.Job, operation string) {
	if a != b {
		a.Fail(operation, errors.New("the two sides belong to different jobs"))
	}
}
