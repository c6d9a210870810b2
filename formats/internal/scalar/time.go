package scalar

import "strconv"

const (
	dayMicros = 24 * 60 * 60 * 1e6
	// The years that are read: what time.Time prints without trouble.
	minYear, maxYear = 0, 9999
)

// Date reads yyyy-mm-dd as days since 1970-01-01.
func Date(b []byte) (days int32, ok bool) {
	if len(b) != 10 || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	year, ok1 := digits(b[:4])
	month, ok2 := digits(b[5:7])
	day, ok3 := digits(b[8:10])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return int32(daysOf(year, month, day)), true
}

// Timestamp reads a date, alone or followed by 'T' or a blank, hh:mm or hh:mm:ss with an optional fraction, and, only of instants, an optional
// Z or an offset such as +02:00. What is finer than a microsecond is cut off. An instant without offset is of UTC.
func Timestamp(b []byte, instant bool) (micros int64, ok bool) {
	if len(b) < 10 {
		return 0, false
	}
	days, ok := Date(b[:10])
	if !ok {
		return 0, false
	}
	micros = int64(days) * dayMicros
	if len(b) == 10 {
		return micros, true
	}
	if b[10] != 'T' && b[10] != ' ' {
		return 0, false
	}
	clock, rest, ok := clock(b[11:])
	if !ok {
		return 0, false
	}
	micros += clock
	if len(rest) == 0 {
		return micros, true
	}
	shift, ok := offset(rest)
	return micros - shift, ok && instant
}

// clock reads hh:mm or hh:mm:ss.fraction and returns what follows.
func clock(b []byte) (micros int64, rest []byte, ok bool) {
	if len(b) < 5 || b[2] != ':' {
		return 0, nil, false
	}
	hour, ok1 := digits(b[:2])
	minute, ok2 := digits(b[3:5])
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, nil, false
	}
	micros = int64(hour*60+minute) * 60e6
	b = b[5:]
	if len(b) == 0 || b[0] != ':' {
		return micros, b, true
	}
	if len(b) < 3 {
		return 0, nil, false
	}
	second, ok := digits(b[1:3])
	if !ok || second > 59 {
		return 0, nil, false
	}
	micros += int64(second) * 1e6
	b = b[3:]
	if len(b) == 0 || b[0] != '.' {
		return micros, b, true
	}
	fraction, rest, ok := fraction(b[1:])
	return micros + fraction, rest, ok
}

// fraction reads digits behind the point of seconds.
func fraction(b []byte) (micros int64, rest []byte, ok bool) {
	i, unit := 0, int64(100_000)
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		micros += int64(b[i]-'0') * unit
		unit /= 10
	}
	return micros, b[i:], i > 0
}

// offset reads Z, +hh, +hhmm or +hh:mm.
func offset(b []byte) (micros int64, ok bool) {
	if len(b) == 1 {
		return 0, b[0]|0x20 == 'z'
	}
	if b[0] != '+' && b[0] != '-' || len(b) < 3 {
		return 0, false
	}
	hour, ok := digits(b[1:3])
	minute := 0
	if rest := b[3:]; ok && len(rest) > 0 {
		if rest[0] == ':' {
			rest = rest[1:]
		}
		minute, ok = digits(rest)
		ok = ok && len(rest) == 2
	}
	micros = int64(hour*60+minute) * 60e6
	if b[0] == '-' {
		micros = -micros
	}
	return micros, ok && hour < 24 && minute < 60
}

// digits reads up to four digits.
func digits(b []byte) (v int, ok bool) {
	ok = len(b) > 0
	for _, c := range b {
		d := c - '0'
		ok = ok && d <= 9
		v = v*10 + int(d)
	}
	return v, ok
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// daysOf returns the days since 1970-01-01 of a date in the proleptic Gregorian calendar. Hinnant, "chrono-compatible low-level date
// algorithms": years begin in March, so that the leap day is the last.
func daysOf(year, month, day int) int {
	if month <= 2 {
		year--
	}
	era := floorDiv(year, 400)
	ofEra := year - era*400
	ofYear := (153*((month+9)%12)+2)/5 + day - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}

// civil is the inverse of daysOf; from the same source.
func civil(days int) (year, month, day int) {
	days += 719468
	era := floorDiv(days, 146097)
	ofEra := days - era*146097
	yearOfEra := (ofEra - ofEra/1460 + ofEra/36524 - ofEra/146096) / 365
	ofYear := ofEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*ofYear + 2) / 153
	day = ofYear - (153*m+2)/5 + 1
	month = (m+2)%12 + 1
	year = yearOfEra + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// AppendDate writes days since 1970-01-01 as yyyy-mm-dd.
func AppendDate(b []byte, days int32) []byte {
	year, month, day := civil(int(days))
	if year < minYear || year > maxYear {
		b = strconv.AppendInt(b, int64(year), 10)
	} else {
		b = appendTwo(appendTwo(b, year/100), year%100)
	}
	b = appendTwo(append(b, '-'), month)
	return appendTwo(append(b, '-'), day)
}

// AppendTimestamp writes microseconds since 1970 as yyyy-mm-ddThh:mm:ss.ffffffZ for an instant, without Z for a local time; a fraction of zero is
// left out.
func AppendTimestamp(b []byte, micros int64, instant bool) []byte {
	days := floorDiv(int(micros), dayMicros)
	rest := int(micros) - days*dayMicros
	b = AppendDate(b, int32(days))
	seconds := rest / 1e6
	b = appendTwo(append(b, 'T'), seconds/3600)
	b = appendTwo(append(b, ':'), seconds/60%60)
	b = appendTwo(append(b, ':'), seconds%60)
	if fraction := rest % 1e6; fraction > 0 {
		b = appendTwo(append(b, '.'), fraction/10000)
		b = appendTwo(b, fraction/100%100)
		b = appendTwo(b, fraction%100)
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	if instant {
		b = append(b, 'Z')
	}
	return b
}

func appendTwo(b []byte, v int) []byte { return append(b, byte('0'+v/10), byte('0'+v%10)) }
