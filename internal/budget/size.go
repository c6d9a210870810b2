package budget

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units are the suffixes of sizes, in lower case. As with the JVM's -Xmx and Spark, all are powers of 1024.
var units = map[string]int64{
	"": 1, "b": 1,
	"k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10,
	"m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20,
	"g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30,
	"t": 1 << 40, "tb": 1 << 40, "tib": 1 << 40,
}

// ParseSize reads a size: a decimal number, then a unit or none for bytes. Units are b, k, m, g, t, also as kb or kib, in any case, and
// all powers of 1024: "512m", "1.5GiB", "1073741824".
func ParseSize(s string) (int64, error) {
	text := strings.ToLower(strings.TrimSpace(s))
	digits := len(text)
	if i := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' }); i >= 0 {
		digits = i
	}
	unit, ok := units[strings.TrimSpace(text[digits:])]
	if !ok {
		return 0, fmt.Errorf("size %q: unknown unit %q; write 512m, 1.5g or a number of bytes", s, text[digits:])
	}
	if n, err := strconv.ParseInt(text[:digits], 10, 64); err == nil {
		if n > math.MaxInt64/unit {
			return 0, fmt.Errorf("size %q is too large", s)
		}
		return n * unit, nil
	}
	f, err := strconv.ParseFloat(text[:digits], 64)
	if err != nil {
		return 0, fmt.Errorf("size %q is not a number; write 512m, 1.5g or a number of bytes", s)
	}
	if f *= float64(unit); f >= math.MaxInt64 {
		return 0, fmt.Errorf("size %q is too large", s)
	}
	return int64(f), nil
}

// FormatSize writes n bytes with the largest unit that leaves at least one, to one decimal: "1.5 GiB", "640 B".
func FormatSize(n int64) string {
	const names = "KMGT"
	if n > -1024 && n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/1024, 0
	for ; math.Abs(f) >= 1024 && i < len(names)-1; i++ {
		f /= 1024
	}
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0") + " " + names[i:i+1] + "iB"
}
