package csv

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// slowly finds records one at a time, as find does several.
func slowly(k *tokenizer, data []byte) (found []string) {
	for at := 0; at < len(data); {
		ends := make([]int32, k.fields)
		next, fields, err := k.record(data, at, ends)
		switch {
		case err != nil:
			found = append(found, fmt.Sprintf("%d: %v", at, err))
		case fields == 0:
		case fields != k.fields:
			found = append(found, fmt.Sprintf("%d: %v", at, fieldCount(fields, k.fields)))
		default:
			found = append(found, fmt.Sprintf("%d: %v", at, ends))
		}
		at = next
	}
	return found
}

// quickly finds records by find, at most rows in each call.
func quickly(k *tokenizer, data []byte, rows int) (found []string) {
	for read := 0; read < len(data); {
		t := k.find(data[read:], rows)
		row := 0
		addRows := func(before int) {
			for ; row < t.rows && t.start(row) < before; row++ {
				ends := make([]int32, k.fields)
				for i := range ends {
					ends[i] = t.places[row*t.stride+1+i] + int32(read)
				}
				found = append(found, fmt.Sprintf("%d: %v", read+t.start(row), ends))
			}
		}
		for _, bad := range t.bad {
			addRows(bad.At)
			found = append(found, fmt.Sprintf("%d: %v", read+bad.At, bad.Reason))
		}
		addRows(t.read)
		read += t.read
	}
	return found
}

// TestFindAnyBytes finds the same in any bytes, well-formed or not, whole words at a time or one byte after the other.
func TestFindAnyBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		alphabet := rapid.SampledFrom([]byte(`aab,,,"""` + "\n\n\r"))
		data := rapid.SliceOfN(alphabet, 0, 60).Draw(rt, "data")
		k := tokenizer{delimiter: ',', quote: '"', fields: rapid.IntRange(1, 3).Draw(rt, "fields"), multiline: rapid.Bool().Draw(rt, "multiline"), maxRecord: 1000}
		rows := rapid.IntRange(1, 5).Draw(rt, "rows")
		if diff := cmp.Diff(slowly(&k, data), quickly(&k, data, rows)); diff != "" {
			rt.Fatalf("%q: %s", data, diff)
		}
	})
}
