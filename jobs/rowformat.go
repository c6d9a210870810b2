package jobs

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/arrowipc"
	"github.com/millrace/millrace/formats/avro"
	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/formats/sequencefile"
	"github.com/millrace/millrace/formats/text"
)

// FileFormat is a format of files by name and by suffix, of records whose type the files tell.
type FileFormat struct {
	Name     string
	Suffixes []string // without the dot
	// Open returns the format. header: the first line of csv and tsv has the columns' names. codec names the compression of what is
	// written; "" is the format's default.
	Open func(header bool, codec string) (formats.Typed[columnar.Row], error)
}

// FileFormats returns the formats that can be chosen by name.
func FileFormats() []FileFormat {
	return []FileFormat{
		{"text", []string{"txt", "text", "log"}, func(_ bool, codec string) (formats.Typed[columnar.Row], error) {
			var f rowLines
			err := setCodec(&f.Codec, codec)
			return f, err
		}},
		{"csv", []string{"csv"}, func(header bool, codec string) (formats.Typed[columnar.Row], error) {
			f := csv.Format[columnar.Row]{Header: header}
			err := setCodec(&f.Codec, codec)
			return f, err
		}},
		{"tsv", []string{"tsv", "tab"}, func(header bool, codec string) (formats.Typed[columnar.Row], error) {
			f := csv.TSV[columnar.Row]()
			f.Header = header
			err := setCodec(&f.Codec, codec)
			return f, err
		}},
		{"json", []string{"json", "jsonl", "ndjson"}, func(_ bool, codec string) (formats.Typed[columnar.Row], error) {
			var f json.Format[columnar.Row]
			err := setCodec(&f.Codec, codec)
			return f, err
		}},
		{"parquet", []string{"parquet", "parq"}, func(_ bool, codec string) (formats.Typed[columnar.Row], error) {
			var f parquet.Format[columnar.Row]
			err := setCodec(&f.Codec, codec)
			return f, err
		}},
		{"arrow", []string{"arrow", "arrows", "feather"}, func(_ bool, codec string) (formats.Typed[columnar.Row], error) {
			f := arrowipc.Format[columnar.Row]{Codec: arrowipc.Codec(codec)}
			return f, f.Validate()
		}},
		{"avro", []string{"avro"}, func(_ bool, codec string) (formats.Typed[columnar.Row], error) {
			f := avro.Format[columnar.Row]{Codec: avro.Codec(codec)}
			return f, f.Validate()
		}},
		{"sequencefile", []string{"seq"}, func(_ bool, codec string) (formats.Typed[columnar.Row], error) {
			f := sequencefile.Format[columnar.Row]{Codec: sequencefile.Codec(codec)}
			return f, f.Validate()
		}},
	}
}

// setCodec sets a format's codec unless it is to be the default.
func setCodec(codec interface{ Set(name string) error }, name string) error {
	if name == "" {
		return nil
	}
	return codec.Set(name)
}

// FindFormat returns the format of that name or, without one, the format that a path's suffix names: of "days/*.csv.gz" csv.
func FindFormat(name, location string) (FileFormat, error) {
	suffix := suffixOf(location)
	for _, f := range FileFormats() {
		if f.Name == name || name == "" && slices.Contains(f.Suffixes, suffix) {
			return f, nil
		}
	}
	if name == "" {
		return FileFormat{}, fmt.Errorf("the suffix of %q names no format", location)
	}
	return FileFormat{}, fmt.Errorf("unknown format %q; formats are %s", name, formatNames())
}

// suffixOf returns the last suffix of the first path in location, but for one that names a compression.
func suffixOf(location string) string {
	location, _, _ = strings.Cut(location, ",")
	name := path.Base(location)
	if compress.BySuffix(name) != compress.None {
		name = strings.TrimSuffix(name, path.Ext(name))
	}
	return strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
}

// formatNames lists the formats.
func formatNames() string {
	var names []string
	for _, f := range FileFormats() {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// rowLines is lines as records of one column.
type rowLines struct{ text.Lines }

// Element ties the format to its records' type.
func (rowLines) Element() (zero columnar.Row) { return zero }
