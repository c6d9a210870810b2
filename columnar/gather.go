package columnar

import "unsafe"

// gatherFixed sets out to the values of width w at positions sel of src; a position of -1 gives zeros.
func gatherFixed(out, src []byte, w int, sel []int32) {
	switch w {
	case 8:
		gather[uint64](out, src, sel)
	case 4:
		gather[uint32](out, src, sel)
	case 2:
		gather[uint16](out, src, sel)
	case 1:
		gather[uint8](out, src, sel)
	case 16:
		gather[Decimal128](out, src, sel)
	default:
		for i, r := range sel {
			if r < 0 {
				clear(out[i*w : (i+1)*w])
			} else {
				copy(out[i*w:(i+1)*w], src[int(r)*w:])
			}
		}
	}
}

func gather[T Fixed](out, src []byte, sel []int32) {
	if len(sel) == 0 {
		return
	}
	var zero T
	size := int(unsafe.Sizeof(zero))
	to := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(out))), len(sel))
	from := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(src))), len(src)/size)
	for i, r := range sel {
		if r < 0 {
			to[i] = zero
		} else {
			to[i] = from[r]
		}
	}
}
