package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/formats/compress"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/json"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
)

// fileFormat is a format by name and by the suffixes of its files.
type fileFormat struct {
	name     string
	suffixes []string
	open     func(header bool) formats.Typed[columnar.Row]
}

func fileFormats() []fileFormat {
	return []fileFormat{
		{"csv", []string{".csv"}, func(h bool) formats.Typed[columnar.Row] { return csv.Format[columnar.Row]{Header: h} }},
		{"tsv", []string{".tsv", ".tab"}, func(h bool) formats.Typed[columnar.Row] {
			return csv.Format[columnar.Row]{Header: h, Delimiter: '\t'}
		}},
		{"json", []string{".json", ".jsonl", ".ndjson"}, func(bool) formats.Typed[columnar.Row] { return json.Format[columnar.Row]{} }},
		{"parquet", []string{".parquet", ".parq"}, func(bool) formats.Typed[columnar.Row] { return parquet.Format[columnar.Row]{} }},
	}
}

func newSchema() *cobra.Command {
	c := &cobra.Command{
		Use:   "schema FILE",
		Short: "Print the schema of a file as text and as a Go struct",
		Long: `Print the schema of a file, folder or glob, as text and as a Go struct for a job's records. Formats that have no schema of
their own are inferred from a sample.`,
		Args: cobra.ExactArgs(1),
	}
	name := c.Flags().String("format", "", "`format` of the file: csv, tsv, json, parquet; default: by its suffix")
	header := c.Flags().Bool("header", true, "the first line of CSV and TSV files has the columns' names")
	structName := c.Flags().String("go", "", "print only the Go struct, with this `name`")
	text := c.Flags().Bool("text", false, "print only the text")
	c.Flags().Lookup("go").NoOptDefVal = "Record"
	engine := addEngineFlags(c.Flags(), hdfsSettings...)
	return fileCommand(c, engine, func(ctx context.Context, files *vfs.Resolver, args []string) error {
		format, err := findFormat(*name, args[0])
		if err != nil {
			return err
		}
		schema, err := discover(ctx, files, args[0], format.open(*header))
		if err != nil {
			return err
		}
		return printSchema(c.OutOrStdout(), schema, *structName, *text)
	})
}

func printSchema(w io.Writer, schema *columnar.Schema, structName string, onlyText bool) error {
	if structName != "" {
		_, err := io.WriteString(w, codec.GoStruct(schema, structName))
		return err
	}
	if _, err := io.WriteString(w, schema.String()); err != nil || onlyText {
		return err
	}
	_, err := io.WriteString(w, "\n"+codec.GoStruct(schema, "Record"))
	return err
}

// findFormat returns the format of that name or, without one, that of a file's suffix.
func findFormat(name, url string) (fileFormat, error) {
	base := vfs.Base(url)
	if compress.BySuffix(base) != compress.None {
		base = strings.TrimSuffix(base, path.Ext(base))
	}
	suffix := strings.ToLower(path.Ext(base))
	var known []string
	for _, f := range fileFormats() {
		if f.name == name || name == "" && slices.Contains(f.suffixes, suffix) {
			return f, nil
		}
		known = append(known, f.name)
	}
	if name != "" {
		return fileFormat{}, &runner.UsageError{Err: fmt.Errorf("unknown format %q; formats are %s", name, strings.Join(known, ", "))}
	}
	err := fmt.Errorf("the suffix of %s names no format; --format does: %s", url, strings.Join(known, ", "))
	return fileFormat{}, &runner.UsageError{Err: err}
}

// discover returns the schema of files, with the columns that the names of folders give.
func discover(ctx context.Context, files *vfs.Resolver, url string, format formats.Typed[columnar.Row]) (*columnar.Schema, error) {
	source := file.Source[columnar.Row]{Path: url, Format: format}
	facts, err := source.Discover(ctx, connectors.Env{Files: files, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	if facts.Schema == nil {
		return nil, vfs.PathError("read", url, errors.New("there are no files with a schema"))
	}
	return facts.Schema, nil
}
