package keys

import (
	"fmt"
	"unsafe"

	"github.com/millrace/millrace/internal/arena"
	"github.com/millrace/millrace/internal/budget"
)

// array is values of T without pointers outside of the Go heap, counted in an account. The zero array of an account is empty.
type array[T any] struct {
	acct   *budget.Account
	region *arena.Region
	all    []T // what there is room for; new values are zero
}

// grow makes room for at least n values; old ones stay. After an error the array is as it was.
func (a *array[T]) grow(n int) error {
	if n <= len(a.all) {
		return nil
	}
	size := n * int(unsafe.Sizeof(*new(T)))
	if a.region == nil {
		region, err := arena.NewRegion(a.acct, size)
		if err != nil {
			return fmt.Errorf("allocating a table of keys: %w", err)
		}
		a.region = region
	} else if err := a.region.Grow(size); err != nil {
		return fmt.Errorf("growing a table of keys: %w", err)
	}
	a.all = arena.View[T](a.region.Bytes())
	return nil
}

func (a *array[T]) size() int {
	if a.region == nil {
		return 0
	}
	return len(a.region.Bytes())
}

func (a *array[T]) free() {
	if a.region != nil {
		a.region.Free()
		a.region, a.all = nil, nil
	}
}
