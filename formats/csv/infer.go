package csv

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
	"github.com/millrace/millrace/formats/internal/scalar"
)

const (
	// sampleBytes and sampleRows bound what types are inferred from.
	sampleBytes = 1 << 20
	sampleRows  = 10_000
)

// infer returns the columns of a file. All of them are nullable: the sample does not show what comes later.
func infer(ctx context.Context, s settings, in formats.Input) (*columnar.Schema, error) {
	c, err := lines.Open(in, formats.Range{To: min(in.Size(), sampleBytes)}, s.lineOptions())
	if err != nil {
		return nil, err
	}
	data, err := c.Next(ctx)
	if err != nil && err != io.EOF { //nolint:errorlint // the cutter's end is bare
		return nil, errors.Join(err, c.Close())
	}
	names, header, err := s.names(data)
	if err = errors.Join(err, c.Close()); err != nil {
		return nil, err
	}
	t := s.tokenizer(len(names)).find(data[header:], sampleRows)
	schema := &columnar.Schema{}
	for i, name := range names {
		schema.Fields = append(schema.Fields, columnar.Field{Name: name, Type: inferType(s, t, i), Nullable: true})
	}
	return schema, nil
}

// candidates are the types that are tried, in this order, and what their values look like.
var candidates = []struct {
	t    columnar.Type
	fits func(field []byte) bool
}{
	{columnar.Int64Type, func(b []byte) bool {
		_, ok := scalar.Int(b)
		return ok && !isPadded(b)
	}},
	{columnar.Float64Type, func(b []byte) bool {
		_, ok := scalar.Float(b)
		return ok && !isPadded(b)
	}},
	{columnar.BoolType, func(b []byte) bool {
		_, ok := scalar.Bool(b)
		return ok && len(b) >= 4
	}},
	{columnar.DateType, func(b []byte) bool {
		_, ok := scalar.Date(b)
		return ok
	}},
	{columnar.TimestampType, func(b []byte) bool {
		_, ok := scalar.Timestamp(b, true)
		return ok
	}},
}

// isPadded says whether a number has a sign + or leading zeros, which it would lose: then it is rather a code.
func isPadded(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte{'-'})
	return len(b) > 1 && (b[0] == '+' || b[0] == '0' && b[1] != '.' && b[1]|0x20 != 'e')
}

// inferType returns the first type that all fields which are not null look like; strings if none does.
func inferType(s settings, t *table, field int) columnar.Type {
	seen := false
	fits := make([]bool, len(candidates))
	for i := range fits {
		fits[i] = true
	}
	var text []byte
	for r := range t.rows {
		b := t.field(r, field)
		if string(b) == s.null {
			continue
		}
		seen = true
		text = appendUnquoted(text[:0], b, s.quote)
		for i, c := range candidates {
			fits[i] = fits[i] && c.fits(text)
		}
	}
	if i := slices.Index(fits, true); seen && i >= 0 {
		return candidates[i].t
	}
	return columnar.StringType
}
