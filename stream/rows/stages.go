package rows

import (
	"iter"
	"slices"
)

// stage fills in what all stages have in common.
func stage[In, Out any](name string, f any, link func(c *Cursor, stage int, next func(Out)) func(In)) Stage {
	return Stage{
		Name: name, In: typeOf[In](), Out: typeOf[Out](), Func: symbol(f), head: newHead[In],
		link: func(c *Cursor, stage int, next any) any { return link(c, stage, next.(func(Out))) },
	}
}

// growing marks a stage that may give more than one record for one.
func growing(s Stage) Stage {
	s.mayGrow = true
	return s
}

// single marks a stage that gives one record for each.
func single(s Stage) Stage {
	s.single = true
	return s
}

// Map gives f of each record.
func Map[In, Out any](f func(In) Out) Stage {
	return single(stage("Map", f, func(c *Cursor, at int, next func(Out)) func(In) {
		return func(v In) {
			c.stage = at
			out := f(v)
			c.counts[at]++
			next(out)
		}
	}))
}

// Filter gives the records for which keep is true.
func Filter[T any](keep func(T) bool) Stage {
	return stage("Filter", keep, func(c *Cursor, at int, next func(T)) func(T) {
		return func(v T) {
			c.stage = at
			if keep(v) {
				c.counts[at]++
				next(v)
			}
		}
	})
}

// MayGrow says whether the program may make more than one record of one.
func (p Program) MayGrow() bool {
	return slices.ContainsFunc(p.Stages, func(s Stage) bool { return s.mayGrow })
}

// FlatMap gives everything that f yields for each record. A yield returns false once the batch has failed.
func FlatMap[In, Out any](f func(In) iter.Seq[Out]) Stage {
	return growing(stage("FlatMap", f, func(c *Cursor, at int, next func(Out)) func(In) {
		count := &c.counts[at]
		yield := func(v Out) bool {
			*count++
			next(v)
			c.stage = at
			return c.err == nil
		}
		return func(v In) {
			c.stage = at
			f(v)(yield)
		}
	}))
}

// Parse gives f of each record; those for which it returns an error go to the node's policy for bad records.
func Parse[In, Out any](f func(In) (Out, error)) Stage {
	return stage("Parse", f, func(c *Cursor, at int, next func(Out)) func(In) {
		return func(v In) {
			c.stage = at
			out, err := f(v)
			if err != nil {
				c.fail(at, v, err)
				return
			}
			c.counts[at]++
			next(out)
		}
	})
}

// PerTask makes a stage of a function that each task makes anew, for functions with state of their own: a sampler, a counter. The
// function made gives any number of records for each one it takes.
func PerTask[In, Out any](name string, open func(task int) func(In, func(Out))) Stage {
	return growing(stage(name, open, func(c *Cursor, at int, next func(Out)) func(In) {
		f := open(c.task)
		emit := func(v Out) {
			c.counts[at]++
			next(v)
			c.stage = at
		}
		return func(v In) {
			c.stage = at
			f(v, emit)
		}
	}))
}
