package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/formats"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
)

func newSchema() *cobra.Command {
	c := &cobra.Command{
		Use:   "schema FILE",
		Short: "Print the schema of a file as text and as a Go struct",
		Long: `Print the schema of a file, folder or glob, as text and as a Go struct for a job's records. Formats that have no schema of
their own are inferred from a sample.`,
		Args: cobra.ExactArgs(1),
	}
	name := c.Flags().String("format", "", "`format` of the file, as of the job convert; default: by its suffix")
	header := c.Flags().Bool("header", true, "the first line of CSV and TSV files has the columns' names")
	structName := c.Flags().String("go", "", "print only the Go struct, with this `name`")
	text := c.Flags().Bool("text", false, "print only the text")
	c.Flags().Lookup("go").NoOptDefVal = "Record"
	engine := addEngineFlags(c.Flags(), hdfsSettings...)
	return fileCommand(c, engine, func(ctx context.Context, files *vfs.Resolver, args []string) error {
		chosen, err := jobs.FindFormat(*name, args[0])
		if err != nil {
			return &runner.UsageError{Err: fmt.Errorf("%w (--format)", err)}
		}
		format, err := chosen.Open(*header, "")
		if err != nil {
			return err
		}
		schema, err := discover(ctx, files, args[0], format)
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
