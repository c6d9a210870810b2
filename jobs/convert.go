package jobs

import (
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/plan"
)

// Convert writes the records of files in another format. Names and types of columns are those of the files: declared, or inferred from a
// sample. Records stay in columns all the way; a filter and a choice of columns are handed to the reader, which leaves out what it can.
type Convert struct {
	In, Out     string
	From, To    string // formats; "": by the suffix of In and of Out
	Columns     string // expressions with commas between: "id, price * 2 as double"; "": all columns
	Filter      string // an expression; "": all records
	PartitionBy string // columns with commas between that become folders
	NoHeader    bool   // csv and tsv without a line of names
	Codec       string // compression of what is written; "": none, of Parquet its usual one
	Bad         int64  // how many records that cannot be read are left out
	Files       int
	Mode        file.Mode
}

// Flags implements runner.Job.
func (c *Convert) Flags(f *flag.FlagSet) {
	f.StringVar(&c.In, "in", c.In, "files: `path`, glob or folder")
	f.StringVar(&c.Out, "out", c.Out, "output `folder`")
	f.StringVar(&c.From, "from", c.From, "`format` that is read: "+formatNames()+"; default: as the suffix says")
	f.StringVar(&c.To, "to", c.To, "`format` that is written; default: as the output folder's suffix says")
	f.StringVar(&c.Columns, "columns", c.Columns, "columns, by `expressions`: \"id, price * 2 as double\"; default: all")
	f.StringVar(&c.Filter, "filter", c.Filter, "`condition` of the records that are kept: \"price > 10 and day is not null\"")
	f.StringVar(&c.PartitionBy, "partition-by", c.PartitionBy, "`columns` that become folders: \"year,month\"")
	f.BoolVar(&c.NoHeader, "no-header", c.NoHeader, "csv and tsv files have no line of column names, read or written")
	f.StringVar(&c.Codec, "codec", c.Codec, "compression of what is written: `name` of gzip, zstd, lz4, snappy, none; default: none, of parquet snappy")
	f.Int64Var(&c.Bad, "bad", c.Bad, "leave out up to so many records that cannot be read; -1: any `number`")
	f.IntVar(&c.Files, "files", c.Files, "write at most so many files; 0: one a task")
	f.Var(&c.Mode, "mode", "what becomes of data in the output folder: error, append, overwrite, overwrite-partitions")
}

// Build implements runner.Job.
func (c *Convert) Build(job *plan.Job) {
	from, to, err := c.formats()
	if err != nil {
		job.Fail("convert", err)
		return
	}
	rows := dataset.Read(job, file.Source[columnar.Row]{Path: c.In, Format: from, OnBad: tolerate(c.Bad)})
	if c.Filter != "" {
		condition, err := expr.Parse(c.Filter)
		if err != nil {
			job.Fail("convert", fmt.Errorf("--filter: %w", err))
			return
		}
		rows = dataset.Where(rows, condition)
	}
	if c.Columns != "" {
		named, err := expr.ParseColumns(c.Columns)
		if err != nil {
			job.Fail("convert", fmt.Errorf("--columns: %w", err))
			return
		}
		columns := make([]dataset.Column, len(named))
		for i, n := range named {
			columns[i] = dataset.As(n.Name, n.Expr)
		}
		rows = dataset.Select[columnar.Row](rows, columns...)
	}
	dataset.Write(rows, file.Sink[columnar.Row]{
		Path: c.Out, Format: to, Mode: c.Mode, PartitionBy: list(c.PartitionBy), Files: c.Files,
	})
}

// Validate reports parameters that cannot work.
func (c *Convert) Validate() error {
	if err := needed(param{"in", c.In}, param{"out", c.Out}); err != nil {
		return err
	}
	_, _, err := c.formats()
	return err
}

// formats returns what is read and what is written.
func (c *Convert) formats() (from, to formats.Typed[columnar.Row], err error) {
	in, errIn := FindFormat(c.From, c.In)
	if errIn != nil {
		return nil, nil, fmt.Errorf("--from: %w", errIn)
	}
	out, errOut := FindFormat(c.To, c.Out)
	if errOut != nil {
		return nil, nil, fmt.Errorf("--to: %w", errOut)
	}
	from, errIn = in.Open(!c.NoHeader, "")
	to, errOut = out.Open(!c.NoHeader, c.Codec)
	return from, to, errors.Join(errIn, errOut)
}

// list splits at commas.
func list(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
