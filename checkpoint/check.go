package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Check is XXH3-64 of some bytes. It is written as "xxh3:" and 16 hexadecimal digits.
type Check uint64

// MarshalText writes the check.
func (c Check) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "xxh3:%016x", uint64(c)), nil }

// UnmarshalText reads a check.
func (c *Check) UnmarshalText(text []byte) error {
	if len(text) != 21 || string(text[:5]) != "xxh3:" {
		return fmt.Errorf("%q is no check: want xxh3: and 16 digits", text)
	}
	v, err := strconv.ParseUint(string(text[5:]), 16, 64)
	*c = Check(v)
	return err
}

// MarshalJSON writes [from, last, rows].
func (s Span) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "[%d,%d,%d]", s.From, s.Last, s.Rows), nil
}

// UnmarshalJSON reads [from, last, rows].
func (s *Span) UnmarshalJSON(data []byte) error {
	var v []int
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	if len(v) != 3 {
		return errors.New("an entry of an index has three numbers")
	}
	*s = Span{From: v[0], Last: v[1], Rows: v[2]}
	return nil
}
