package main

import (
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// eachRange cuts rows into one range for each thread, the lower numbers first, and calls f on all at once.
func eachRange(rows, threads int, f func(thread, from, to int) error) error {
	var g errgroup.Group
	for t := range threads {
		g.Go(func() error { return f(t, rows*t/threads, rows*(t+1)/threads) })
	}
	return g.Wait()
}

// eachItem calls f for items 0 to n-1; threads take the next one when they are free.
func eachItem(n, threads int, f func(thread, item int) error) error {
	var next atomic.Int64
	return eachRange(threads, threads, func(thread, _, _ int) error {
		for {
			item := int(next.Add(1)) - 1
			if item >= n {
				return nil
			}
			if err := f(thread, item); err != nil {
				return err
			}
		}
	})
}
