package csv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/internal/lines"
)

// without returns the names that are not among those to leave out.
func without(names, leaveOut []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(leaveOut, n) })
}

// needsFile says whether only a file can tell the names of its fields.
func (s settings) needsFile() bool { return s.header || s.columns == nil }

// tokenizer returns a tokenizer of records with that many fields.
func (s settings) tokenizer(fields int) *tokenizer {
	return &tokenizer{delimiter: s.delimiter, quote: s.quote, fields: fields, multiline: s.multiline, maxRecord: s.maxRecord}
}

// names returns the names of the fields of a file that begins with data, and how many bytes of it are the header.
func (s settings) names(data []byte) (names []string, header int, err error) {
	if !s.needsFile() {
		return s.columns, 0, nil
	}
	first, next, err := s.firstRecord(data)
	if err != nil {
		return nil, 0, fmt.Errorf("the first record: %w", err)
	}
	if s.header {
		return first, next, nil
	}
	for i := range first {
		names = append(names, fmt.Sprintf("c%d", i))
	}
	return names, 0, nil
}

// firstRecord returns the fields of the first record that is not an empty line, and where the next begins.
func (s settings) firstRecord(data []byte) (fields []string, next int, err error) {
	k := s.tokenizer(2) // so that empty lines are left out
	n, at := 0, 0
	for n == 0 && next < len(data) {
		at = next
		if next, n, err = k.record(data, at, nil); err != nil {
			return nil, 0, err
		}
	}
	ends := make([]int32, n)
	if n > 0 {
		_, _, err = k.record(data, at, ends)
	}
	for _, end := range ends {
		fields = append(fields, string(appendUnquoted(nil, data[at:end], s.quote)))
		at = int(end) + 1
	}
	return fields, next, err
}

// head returns the names of a file's fields, for a reader that does not begin at its start.
func (s settings) head(ctx context.Context, in formats.Input) ([]string, error) {
	if !s.needsFile() {
		return s.columns, nil
	}
	c, err := lines.Open(in, formats.Range{To: 1}, s.lineOptions())
	if err != nil {
		return nil, err
	}
	data, err := c.Next(ctx)
	if err != nil && err != io.EOF { //nolint:errorlint // the cutter's end is bare
		return nil, errors.Join(err, c.Close())
	}
	names, _, err := s.names(data)
	return names, errors.Join(err, c.Close())
}

// lineOptions are what the cutter has to know.
func (s settings) lineOptions() lines.Options {
	o := lines.Options{MaxRecord: s.maxRecord}
	if s.multiline {
		o.Ends = s.tokenizer(1).wholeRecords
	}
	return o
}

// place returns the number of the field that each wanted column is read from; -1 where the file lacks a column that may be null.
func place(names []string, wanted *columnar.Schema) ([]int, error) {
	fields := make([]int, len(wanted.Fields))
	for i, f := range wanted.Fields {
		fields[i] = slices.Index(names, f.Name)
		if fields[i] < 0 && !f.Nullable {
			return nil, fmt.Errorf("there is no column %q; there are %s", f.Name, strings.Join(names, ", "))
		}
	}
	return fields, nil
}
