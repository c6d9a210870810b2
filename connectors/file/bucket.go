package file

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
)

// Buckets puts rows into folders by time. The zero value has none.
type Buckets struct {
	// Layout is the folder's path as package time lays out times: "dt=2006-01-02/hour=15".
	Layout string
	// Column is a column of timestamps. Default: the rows' event time.
	Column string
	// Zone is where days begin. Default: UTC.
	Zone *time.Location
	// Mark has a file _SUCCESS written to a folder as soon as its rows are all there: when event time, of all tasks, has passed the end of the folder's time
	// and After. Rows that come later are late; they are written nevertheless, and so is the mark, anew. Folders are by event time then, and the Layout
	// has to tell times in full.
	Mark bool
	// After is how much longer than to the end of its time a folder waits for its mark.
	After time.Duration
}

// timeless is the folder of rows without a time.
const timeless = "time=" + hiveNull

func (b Buckets) isOn() bool { return b.Layout != "" }

func (b Buckets) validate(schema *columnar.Schema) error {
	if !b.isOn() {
		if b.Column != "" || b.Zone != nil || b.Mark {
			return errors.New("file.Sink: Buckets needs a Layout")
		}
		return nil
	}
	if err := b.validateMark(); err != nil {
		return fmt.Errorf("file.Sink: Buckets: %w", err)
	}
	for level := range strings.SplitSeq(b.Layout, "/") {
		if level == "" || strings.HasPrefix(level, "_") || strings.HasPrefix(level, ".") {
			return fmt.Errorf("file.Sink: Buckets: the layout %q has a folder without a name, or one that is hidden", b.Layout)
		}
	}
	if b.Column == "" || schema == nil {
		return nil
	}
	i := schema.Index(b.Column)
	if i < 0 || schema.Fields[i].Type.Kind != columnar.Timestamp {
		return fmt.Errorf("file.Sink: Buckets: there is no column %q of timestamps", b.Column)
	}
	return nil
}

// bucketer finds the folder of a time. It remembers the folders of the seconds that it has seen lately.
type bucketer struct {
	Buckets
	column  int // -1: the event time
	seconds map[int64]string
}

// rememberedSeconds bounds what is remembered.
const rememberedSeconds = 4096

func newBucketer(b Buckets, schema *columnar.Schema) (*bucketer, error) {
	if !b.isOn() {
		return nil, nil
	}
	if err := b.validate(schema); err != nil {
		return nil, err
	}
	b.Zone = b.zone()
	out := &bucketer{Buckets: b, column: -1, seconds: map[int64]string{}}
	if b.Column != "" {
		out.column = schema.Index(b.Column)
	}
	return out, nil
}

// times returns the times of the columns' rows; nil: none has one. A row whose time is null has none either.
func (b *bucketer) times(batch columnar.Batch) []int64 {
	if b.column < 0 {
		return batch.Time
	}
	return columnar.Values[int64](batch.Columns[b.column])
}

// folder returns the folder of a row.
func (b *bucketer) folder(batch columnar.Batch, times []int64, row int) string {
	if times == nil || times[row] == columnar.NoTime || b.column >= 0 && batch.Columns[b.column].IsNull(row) {
		return timeless
	}
	second := times[row] / 1_000_000
	if times[row]%1_000_000 < 0 {
		second--
	}
	if f, ok := b.seconds[second]; ok {
		return f
	}
	if len(b.seconds) >= rememberedSeconds {
		clear(b.seconds)
	}
	f := time.Unix(second, 0).In(b.Zone).Format(b.Layout)
	b.seconds[second] = f
	return f
}
