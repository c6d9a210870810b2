package codec

import (
	"time"

	"github.com/millrace/millrace/columnar"
)

const secondsPerDay = 24 * 60 * 60

// timeShape is of time.Time: an instant, or by the tag a day or a local date and time.
func timeShape(o options) *shape {
	switch o.as {
	case "date":
		return &shape{column: columnar.DateType, flat: true, encode: encodeVia(daysOf), bind: bindSame(columnar.DateType, decodeVia(midnight))}
	case "local":
		local := columnar.Type{Kind: columnar.Timestamp}
		return &shape{column: local, flat: true, encode: encodeVia(localMicros), bind: bindTime(local)}
	default:
		return &shape{column: columnar.TimestampType, flat: true, encode: encodeVia(columnar.Micros), bind: bindTime(columnar.TimestampType)}
	}
}

// bindTime reads timestamps of the type, and dates as midnight.
func bindTime(t columnar.Type) func(columnar.Type) (decodeFunc, error) {
	return func(from columnar.Type) (decodeFunc, error) {
		switch {
		case from.Equal(t):
			return decodeVia(timeOf), nil
		case from.Kind == columnar.Date:
			return decodeVia(midnight), nil
		default:
			return nil, errMismatch
		}
	}
}

func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

func midnight(days int32) time.Time { return time.Unix(int64(days)*secondsPerDay, 0).UTC() }

// localMicros returns what t's clock shows, as if it were UTC.
func localMicros(t time.Time) int64 {
	_, offset := t.Zone()
	return t.UnixMicro() + int64(offset)*1e6
}

// daysOf returns the day that t's clock shows.
func daysOf(t time.Time) int32 {
	_, offset := t.Zone()
	seconds := t.Unix() + int64(offset)
	days := seconds / secondsPerDay
	if seconds%secondsPerDay < 0 {
		days--
	}
	return int32(days)
}

func durationShape() *shape {
	t := columnar.Type{Kind: columnar.Duration}
	return &shape{column: t, flat: true, encode: encodeVia(time.Duration.Microseconds), bind: bindSame(t, decodeVia(func(micros int64) time.Duration {
		return time.Duration(micros) * time.Microsecond
	}))}
}

// encodeVia stores what convert makes of each value.
func encodeVia[T any, C columnar.Fixed](convert func(T) C) encodeFunc {
	return func(b *columnar.Builder, from strided) error {
		out := columnar.Extend[C](b, from.n)
		for i := range out {
			out[i] = convert(*(*T)(from.at(i)))
		}
		return nil
	}
}

// decodeVia reads what convert makes of each cell.
func decodeVia[C columnar.Fixed, T any](convert func(C) T) decodeFunc {
	return func(c *columnar.Column, rows span, to strided) error {
		values := columnar.Values[C](*c)
		for i := range rows.n {
			*(*T)(to.at(i)) = convert(values[rows.row(i)])
		}
		return nil
	}
}
