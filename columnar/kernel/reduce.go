package kernel

import "math/bits"

// Sum returns the sum of the selected values, wrapping around for integers.
func Sum[T Number](v []T, sel []int32) T {
	var sum T
	if sel == nil {
		for _, x := range v {
			sum += x
		}
		return sum
	}
	for _, i := range sel {
		sum += v[i]
	}
	return sum
}

// SumInteger returns the exact sum of the selected integers as 128 bits.
func SumInteger[T Integer](v []T, sel []int32) Int128 {
	var lo, carry uint64
	var hi int64
	add := func(x T) {
		lo, carry = bits.Add64(lo, uint64(x), 0)
		hi += int64(carry)
		if x < 0 {
			hi--
		}
	}
	if sel == nil {
		for _, x := range v {
			add(x)
		}
	} else {
		for _, i := range sel {
			add(v[i])
		}
	}
	return Int128{Lo: lo, Hi: hi}
}

// Min returns the least of the selected values; ok is false when none is selected.
func Min[T Number](v []T, sel []int32) (least T, ok bool) {
	if sel == nil {
		if len(v) == 0 {
			return least, false
		}
		least = v[0]
		for _, x := range v {
			if x < least || least != least {
				least = x
			}
		}
		return least, true
	}
	if len(sel) == 0 {
		return least, false
	}
	least = v[sel[0]]
	for _, i := range sel {
		if x := v[i]; x < least || least != least {
			least = x
		}
	}
	return least, true
}

// Max returns the greatest of the selected values, NaN when there is one; ok is false when none is selected.
func Max[T Number](v []T, sel []int32) (most T, ok bool) {
	if sel == nil {
		if len(v) == 0 {
			return most, false
		}
		most = v[0]
		for _, x := range v {
			if x > most || x != x {
				most = x
			}
		}
		return most, true
	}
	if len(sel) == 0 {
		return most, false
	}
	most = v[sel[0]]
	for _, i := range sel {
		if x := v[i]; x > most || x != x {
			most = x
		}
	}
	return most, true
}
