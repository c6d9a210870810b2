package jobs

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/formats/text"
)

// rowFormat is a format of records whose type the files tell.
type rowFormat = formats.Typed[columnar.Row]

// rowFormatNames lists the formats.
func rowFormatNames() []string { return []string{"text", "csv", "tsv", "json", "parquet"} }

// suffixes has the formats by the suffixes of their files.
func suffixes() map[string]string {
	return map[string]string{
		"txt": "text", "text": "text", "log": "text", "csv": "csv", "tsv": "tsv", "json": "json", "jsonl": "json", "ndjson": "json",
		"parquet": "parquet",
	}
}

// newRowFormat returns the format of that name. The codec is of what is written; "" is the format's default.
func newRowFormat(name string, header bool, codecName string) (rowFormat, error) {
	if name == "parquet" {
		return rowParquet(codecName)
	}
	var codec compress.Codec
	if codecName != "" {
		if err := codec.Set(codecName); err != nil {
			return nil, err
		}
	}
	switch name {
	case "text":
		return rowLines{text.Lines{Codec: codec}}, nil
	case "csv":
		return csv.Format[columnar.Row]{Header: header, Codec: codec}, nil
	case "tsv":
		f := csv.TSV[columnar.Row]()
		f.Header, f.Codec = header, codec
		return f, nil
	case "json":
		return json.Format[columnar.Row]{Codec: codec}, nil
	default:
		return nil, fmt.Errorf("unknown format %q; formats are %s", name, strings.Join(rowFormatNames(), ", "))
	}
}

func rowParquet(codecName string) (rowFormat, error) {
	var codec parquet.Codec
	if codecName != "" {
		if err := codec.Set(codecName); err != nil {
			return nil, err
		}
	}
	return parquet.Format[columnar.Row]{Codec: codec}, nil
}

// rowLines is lines as records of one column.
type rowLines struct{ text.Lines }

// Element ties the format to its records' type.
func (rowLines) Element() (zero columnar.Row) { return zero }
