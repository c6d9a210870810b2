package status

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// ShortNumber is 12.3M for 12345678: three or four digits of it.
func ShortNumber(n int64) string {
	for _, unit := range []struct {
		least, size float64
		name        string
	}{{1e12, 1e12, "T"}, {1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}} {
		if float64(n) >= unit.least {
			return strconv.FormatFloat(float64(n)/unit.size, 'f', 1, 64) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

func perSecond(rate float64) string { return ShortNumber(int64(math.Round(rate))) + "/s" }

func percent(share float64) string { return strconv.Itoa(int(math.Round(100*share))) + "%" }

// ShortDuration is a duration with its two largest units: 85ms, 4.2s, 3m05s, 2h03m, 4d11h.
func ShortDuration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "-" + ShortDuration(-d)
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
	}
}

func seconds(s float64) string { return ShortDuration(time.Duration(s * float64(time.Second))) }

// clockTime is the time of day, with the date unless it is that of now.
func clockTime(t, now time.Time) string {
	t = t.Local()
	if t.Format(time.DateOnly) == now.Local().Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}
