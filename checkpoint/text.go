package checkpoint

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
)

// cell prints a value: text as it is, bytes in hexadecimal, times in RFC 3339, null as null.
func cell(c *columnar.Column, i int) string {
	if c.IsNull(i) {
		return "null"
	}
	switch c.Type.Kind {
	case columnar.Bool:
		return strconv.FormatBool(c.Bits.Get(i))
	case columnar.String:
		return c.Text(i)
	case columnar.Binary:
		return hex.EncodeToString(c.Bytes(i))
	case columnar.FixedBinary:
		return hex.EncodeToString(c.FixedBytes(i))
	case columnar.Float32:
		return strconv.FormatFloat(float64(columnar.Values[float32](*c)[i]), 'g', -1, 32)
	case columnar.Float64:
		return strconv.FormatFloat(columnar.Values[float64](*c)[i], 'g', -1, 64)
	case columnar.Decimal:
		return columnar.DecimalValue{Unscaled: columnar.Values[columnar.Decimal128](*c)[i], Scale: c.Type.Scale}.String()
	case columnar.Date:
		return time.Unix(int64(columnar.Values[int32](*c)[i])*86400, 0).UTC().Format(time.DateOnly)
	case columnar.Timestamp:
		return time.UnixMicro(columnar.Values[int64](*c)[i]).UTC().Format("2006-01-02T15:04:05.999999Z07:00")
	case columnar.Duration:
		return (time.Duration(columnar.Values[int64](*c)[i]) * time.Microsecond).String()
	case columnar.List, columnar.Map:
		return items(c, int(c.Offsets[i]), int(c.Offsets[i+1]))
	case columnar.Struct:
		var out []string
		for k, f := range c.Type.Fields {
			out = append(out, f.Name+": "+cell(&c.Children[k], i))
		}
		return "{" + strings.Join(out, ", ") + "}"
	default:
		return integer(c, i)
	}
}

// items prints the items of a list or the entries of a map.
func items(c *columnar.Column, from, to int) string {
	var out []string
	for i := from; i < to; i++ {
		text := cell(&c.Children[0], i)
		if c.Type.Kind == columnar.Map {
			text += ": " + cell(&c.Children[1], i)
		}
		out = append(out, text)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func integer(c *columnar.Column, i int) string {
	switch c.Type.Kind {
	case columnar.Int8:
		return strconv.Itoa(int(columnar.Values[int8](*c)[i]))
	case columnar.Int16:
		return strconv.Itoa(int(columnar.Values[int16](*c)[i]))
	case columnar.Int32:
		return strconv.Itoa(int(columnar.Values[int32](*c)[i]))
	case columnar.Int64:
		return strconv.FormatInt(columnar.Values[int64](*c)[i], 10)
	case columnar.Uint8:
		return strconv.Itoa(int(columnar.Values[uint8](*c)[i]))
	case columnar.Uint16:
		return strconv.Itoa(int(columnar.Values[uint16](*c)[i]))
	case columnar.Uint32:
		return strconv.FormatUint(uint64(columnar.Values[uint32](*c)[i]), 10)
	case columnar.Uint64:
		return strconv.FormatUint(columnar.Values[uint64](*c)[i], 10)
	default:
		return fmt.Sprintf("(%s)", c.Type)
	}
}
