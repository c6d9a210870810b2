package scalar_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/formats/internal/scalar"
)

// numbers draws texts that are numbers or nearly.
var numbers = rapid.OneOf(
	rapid.StringMatching(`[+-]?[0-9]{0,22}`),
	rapid.StringMatching(`[+-]?[0-9]{0,8}`),
	rapid.StringMatching(`-?[0-9]{0,17}\.[0-9]{0,17}`),
	rapid.StringMatching(`-?[0-9]{0,4}\.[0-9]{11,19}`),
	rapid.Map(rapid.Float64Range(-1e4, 1e4), func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }),
	rapid.StringMatching(`-?[0-9]{1,4}(\.[0-9]{1,3})?[eE][+-]?[0-9]{1,3}`),
	rapid.StringMatching(`[-+0-9.eEx_/: ]{0,12}`),
	rapid.SampledFrom([]string{"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "NaN", "-inf", "1e400", "0x10", "1_000", "", "-", "+"}),
)

func TestNumbersAreReadAsByStrconv(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := numbers.Draw(rt, "s")
		i, err := strconv.ParseInt(s, 10, 64)
		if got, ok := scalar.Int([]byte(s)); ok != (err == nil) || ok && got != i {
			rt.Errorf("Int(%q) = %d, %v; want %d, %v", s, got, ok, i, err)
		}
		if n := len(s); n >= 1 && n <= 8 {
			for _, before := range []string{"        ", "99999999", "-------,"} {
				v, ok := scalar.Digits([]byte(before+s+"1"), 8+n, n)
				if want, err := strconv.ParseUint(s, 10, 64); ok != (err == nil) || ok && v != want {
					rt.Errorf("Digits(%q) = %d, %v", s, v, ok)
				}
			}
		}
		u, err := strconv.ParseUint(s, 10, 64)
		if got, ok := scalar.Uint([]byte(s)); ok != (err == nil) || ok && got != u {
			rt.Errorf("Uint(%q) = %d, %v; want %d, %v", s, got, ok, u, err)
		}
		f, err := strconv.ParseFloat(s, 64)
		want := err == nil
		for _, c := range s {
			want = want && c != 'x' && c != '_'
		}
		if got, ok := scalar.Float([]byte(s)); ok != want || ok && math.Float64bits(got) != math.Float64bits(f) {
			rt.Errorf("Float(%q) = %v, %v; want %v, %v", s, got, ok, f, err)
		}
	})
}

func TestFloatsRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(rt, "bits"))
		if got, ok := scalar.Float(scalar.AppendFloat(nil, f, 64)); !ok || math.Float64bits(got) != math.Float64bits(f) && !math.IsNaN(f) {
			rt.Errorf("%v is written as %s and read as %v", f, scalar.AppendFloat(nil, f, 64), got)
		}
		n := float64(rapid.Int64().Draw(rt, "n"))
		if got, ok := scalar.Float(scalar.AppendFloat(nil, n, 64)); !ok || got != n {
			rt.Errorf("%v is written as %s and read as %v", n, scalar.AppendFloat(nil, n, 64), got)
		}
	})
}

func TestDatesAreThoseOfTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		days := rapid.Int32Range(-719528, 2932896).Draw(rt, "days") // years 0 to 9999
		want := time.Unix(int64(days)*86400, 0).UTC().Format(time.DateOnly)
		if got := string(scalar.AppendDate(nil, days)); got != want {
			rt.Errorf("day %d is written as %s, want %s", days, got, want)
		}
		if got, ok := scalar.Date([]byte(want)); !ok || got != days {
			rt.Errorf("%s is read as %d, %v; want %d", want, got, ok, days)
		}
		micros := int64(days)*86400e6 + rapid.Int64Range(0, 86400e6-1).Draw(rt, "micros")
		form := time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z")
		if got := string(scalar.AppendTimestamp(nil, micros, true)); got != form {
			rt.Errorf("%d is written as %s, want %s", micros, got, form)
		}
		if got, ok := scalar.Timestamp([]byte(form), true); !ok || got != micros {
			rt.Errorf("%s is read as %d, %v; want %d", form, got, ok, micros)
		}
	})
}

func TestDateRejects(t *testing.T) {
	for _, s := range []string{"", "2026-1-01", "2026-13-01", "2026-02-29", "2026-00-10", "2026-01-00", "2026/01/01", "20260101", "2026-01-01x"} {
		if days, ok := scalar.Date([]byte(s)); ok {
			t.Errorf("%q is read as %d", s, days)
		}
	}
	if _, ok := scalar.Date([]byte("2024-02-29")); !ok {
		t.Error("a leap day is refused")
	}
}

func TestTimestamp(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC).UnixMicro()
	tests := []struct {
		s       string
		instant bool
		want    int64
		ok      bool
	}{
		{"2026-01-02 12:00", true, noon, true},
		{"2026-01-02T12:00:00", false, noon, true},
		{"2026-01-02T12:00:00.000001234", true, noon + 1, true},
		{"2026-01-02T14:00:00+02:00", true, noon, true},
		{"2026-01-02T14:00:00+0200", true, noon, true},
		{"2026-01-02T10:30:00-01:30", true, noon, true},
		{"2026-01-02T14:00:00+02", true, noon, true},
		{"2026-01-02T12:00:00Z", true, noon, true},
		{"2026-01-02T12:00:00Z", false, 0, false},
		{"2026-01-02", true, noon - 43200e6, true},
		{"2026-01-02T", true, 0, false},
		{"2026-01-02T24:00", true, 0, false},
		{"2026-01-02T12:00:60", true, 0, false},
		{"2026-01-02T12:00:0", true, 0, false},
		{"2026-01-02T12:00:00.", true, 0, false},
		{"2026-01-02T12:00:00+", true, 0, false},
		{"2026-01-02T12:00:00+2:00", true, 0, false},
		{"2026-01-02T12:00:00+02:0", true, 0, false},
		{"2026-01-02x12:00", true, 0, false},
	}
	for _, tt := range tests {
		if got, ok := scalar.Timestamp([]byte(tt.s), tt.instant); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%q: got %d, %v; want %d, %v", tt.s, got, ok, tt.want, tt.ok)
		}
	}
}

func TestBool(t *testing.T) {
	for s, want := range map[string]bool{"true": true, "TRUE": true, "t": true, "1": true, "Yes": true, "false": false, "0": false, "N": false} {
		if got, ok := scalar.Bool([]byte(s)); !ok || got != want {
			t.Errorf("%q: got %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "2", "tru", "falsee", "10", "\x11"} {
		if _, ok := scalar.Bool([]byte(s)); ok {
			t.Errorf("%q is a bool", s)
		}
	}
}

func FuzzScalars(f *testing.F) {
	f.Add([]byte("2026-01-02T12:00:00.5+02:00"))
	f.Add([]byte("-12.5e3"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		scalar.Int(b)
		scalar.Float(b)
		scalar.Bool(b)
		scalar.Date(b)
		scalar.Timestamp(b, true)
		scalar.Duration(b)
	})
}

// TestFloatsOfManyDigits looks at numbers as people have them: random, of 16 to 19 digits, and halves between two floats.
func TestFloatsOfManyDigits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		digits := strconv.FormatUint(1e15+rng.Uint64N(9e18), 10)
		point := rng.IntN(len(digits) + 1)
		s := digits[:point] + "." + digits[point:]
		if rng.IntN(4) == 0 {
			s = strconv.FormatFloat(float64(1<<52+rng.Int64N(1<<52))+0.5, 'f', 1, 64)
		}
		want, err := strconv.ParseFloat(s, 64)
		if got, ok := scalar.Float([]byte(s)); !ok || err != nil || got != want {
			t.Fatalf("Float(%s) = %v, %v; want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"4503599627370496.5", "4503599627370497.5", "9007199254740993.0", "9007199254740991.5", "0.0000000000000000000", "18014398509481985.0"} {
		want, _ := strconv.ParseFloat(s, 64)
		if got, ok := scalar.Float([]byte(s)); !ok || got != want {
			t.Errorf("Float(%s) = %v, %v; want %v", s, got, ok, want)
		}
	}
}
