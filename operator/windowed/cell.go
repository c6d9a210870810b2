package windowed

import (
	"math"
	"slices"

	"github.com/millrace/millrace/stream/window"
)

// cell is a window of a key in work.
type cell struct {
	key    int32 // number
	row    int   // of the key, for the store
	window window.Interval

	group   int32
	shown   int32 // 0: nothing was given yet
	firings int64
	fresh   int64 // rows since it fired
	rows    int64
	latest  int64 // time of a row
	onTime  bool  // it has fired at its end or after
	slots   []int64

	stored  []window.Interval // under what it lies in the store
	gone    bool
	merged  bool
	pending bool // a firing of its group waits
	wakes   []wakeAt
	begun   bool // its end has a timer
}

type wakeAt struct {
	at      int64
	byClock bool
}

// wake implements window.Moment's Wake.
func (c *cell) wake(at int64, byClock bool) {
	if w := (wakeAt{at, byClock}); !slices.Contains(c.wakes, w) {
		c.wakes = append(c.wakes, w)
	}
}

// openKey makes the key of a row known by its number, with all its windows if they are wanted. Numbers come in order.
func (w *workspace) openKey(number int32, row int, whole bool) error {
	if int(number) < len(w.open) {
		return nil
	}
	w.open, w.whole = append(w.open, nil), append(w.whole, whole)
	w.open[number] = append(w.open[number], &cell{key: number, row: row, gone: true, merged: true}) // says where the key is
	if !whole {
		return nil
	}
	w.o.store.Use(row)
	var failed error
	err := w.o.cells.Scan(func(namespace, value []byte) bool {
		_, failed = w.load(number, row, spanOf(namespace), value)
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// find returns an open window of a key.
func (w *workspace) find(number int32, span window.Interval) *cell {
	for _, c := range w.open[number] {
		if c.window == span && !c.gone {
			return c
		}
	}
	return nil
}

// window returns a window of a key, a new one if there is none.
func (w *workspace) window(number int32, span window.Interval) (*cell, error) {
	if c := w.find(number, span); c != nil {
		return c, w.loaded()
	}
	row := w.open[number][0].row
	if !w.whole[number] {
		w.o.store.Use(row)
		w.namespace = putSpan(w.namespace, span)
		value, ok, err := w.o.cells.Get(w.namespace)
		if err != nil {
			return nil, err
		}
		if ok {
			c, err := w.load(number, row, span, value)
			if err != nil {
				return nil, err
			}
			return c, w.loaded()
		}
	}
	if err := w.loaded(); err != nil {
		return nil, err
	}
	return w.newCell(number, span), nil
}

func (w *workspace) newCell(number int32, span window.Interval) *cell {
	c := &cell{
		key: number, row: w.open[number][0].row, window: span, group: w.newGroup(), latest: math.MinInt64,
		slots: make([]int64, w.o.trigger.Slots()),
	}
	w.open[number] = append(w.open[number], c)
	return c
}

// timerCell returns the window that a timer of the store's current key is for; nil when it is gone.
func (w *workspace) timerCell(span window.Interval) (*cell, error) {
	key := w.o.store.Key()
	number := make([]int32, 1)
	if err := w.o.keys.Find(key, nil, 1, number); err != nil {
		return nil, err
	}
	n := number[0]
	if int(n) == len(w.open) {
		w.open = append(w.open, []*cell{{key: n, row: int(n), gone: true, merged: true}})
		w.whole = append(w.whole, false)
	}
	if c := w.find(n, span); c != nil {
		return c, nil
	}
	w.namespace = putSpan(w.namespace, span)
	value, ok, err := w.o.cells.Get(w.namespace)
	if err != nil || !ok {
		return nil, err
	}
	return w.load(n, int(n), span, value)
}
