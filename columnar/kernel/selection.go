package kernel

// All writes the row numbers from 0 to n-1 to out.
func All(n int, out []int32) []int32 {
	out = out[:n]
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

// Without writes to out the rows of sel, of n rows when it is nil, that are not in drop, a part of them. drop must not share out's memory.
func Without(n int, sel, drop, out []int32) []int32 {
	k, d := 0, 0
	if sel == nil {
		out = out[:n]
		if len(drop) == 0 {
			return All(n, out)
		}
		for i := range out {
			out[k] = int32(i)
			dropped := b2i(drop[min(d, len(drop)-1)] == int32(i))
			d += dropped
			k += 1 - dropped
		}
		return out[:k]
	}
	out = out[:len(sel)]
	if len(drop) == 0 {
		copy(out, sel)
		return out
	}
	for _, i := range sel {
		out[k] = i
		dropped := b2i(drop[min(d, len(drop)-1)] == i) // past the end, the last one is behind i
		d += dropped
		k += 1 - dropped
	}
	return out[:k]
}
