package expr

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// datePart is the year, month or day of a date or timestamp.
type datePart struct {
	arg    vector
	part   Op
	values []int64
}

func (b binder) datePart(e Expr) (vector, error) {
	v, err := b.vector(e.Args[0])
	if err != nil {
		return nil, err
	}
	switch t := v.typ(); t.Kind {
	case columnar.Date, columnar.Timestamp:
	case 0:
		v = &constant{t: columnar.DateType}
	default:
		return nil, fmt.Errorf("%s takes a date or timestamp, but %s is %s", e.Op, e.Args[0], t)
	}
	return &datePart{arg: v, part: e.Op}, nil
}

func (d *datePart) typ() columnar.Type { return columnar.Int64Type }

func (d *datePart) eval(f *frame, sel []int32) (columnar.Column, error) {
	c, err := d.arg.eval(f, sel)
	if err != nil {
		return c, err
	}
	d.values = resize(d.values, f.n)
	if c.Type.Kind == columnar.Date {
		days := columnar.Values[int32](c)
		each(f.n, sel, func(i int) { d.values[i] = d.of(int64(days[i])) })
	} else {
		micros := columnar.Values[int64](c)
		each(f.n, sel, func(i int) {
			day, _ := floorDiv(micros[i], dayMicros)
			d.values[i] = d.of(day)
		})
	}
	return columnar.Of(columnar.Int64Type, d.values, c.Valid), nil
}

func (d *datePart) of(days int64) int64 {
	year, month, day := civil(days)
	switch d.part {
	case OpYear:
		return year
	case OpMonth:
		return month
	default:
		return day
	}
}

// civil returns the date of a day counted from 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible
// Low-Level Date Algorithms": years begin in March, eras have 400 years).
func civil(days int64) (year, month, day int64) {
	era, inEra := floorDiv(days+719468, 146097)
	y := (inEra - inEra/1460 + inEra/36524 - inEra/146096) / 365
	inYear := inEra - (365*y + y/4 - y/100)
	m := (5*inYear + 2) / 153
	day = inYear - (153*m+2)/5 + 1
	year, month = y+era*400, m+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}
