package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/hdfs"
	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
)

// maxSkew is how far clocks may be apart: Kerberos refuses tickets beyond it.
const maxSkew = 5 * time.Minute

func newDoctor() *cobra.Command {
	c := &cobra.Command{
		Use:   "doctor [URL]",
		Short: "Check configuration, ticket, clock, and writing, renaming and removing in a folder",
		Long: `Check what a job needs of its surroundings: settings, folders for scratch data and history, and for the URL of a folder
configuration, credentials and clock, and that a file can be written, renamed, read and removed there. It removes what it writes.`,
		Args: cobra.MaximumNArgs(1),
	}
	engine := addEngineFlags(c.Flags(), append([]string{"scratch", "state-dir"}, hdfsSettings...)...)
	c.RunE = func(c *cobra.Command, args []string) error {
		d := &doctor{out: c.OutOrStdout()}
		s, err := engine.load()
		if !d.check("settings", "valid", err) {
			return ended(runner.ExitCode(err))
		}
		ctx, stop := runner.WithSignals(c.Context(), c.ErrOrStderr())
		defer stop()
		files := runner.NewFiles(s.HDFS)
		defer func() { _ = files.Close() }() // what was written is removed
		for _, dir := range []string{s.Scratch, s.StateDir} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				d.check("making "+dir, "", err)
				continue
			}
			d.tryFolder(ctx, files, dir)
		}
		if len(args) == 1 {
			d.tryFolder(ctx, files, args[0])
		}
		return ended(runner.ExitCode(runner.Cause(ctx, d.worst)))
	}
	return c
}

// doctor prints a line for each thing it checks.
type doctor struct {
	out   io.Writer
	worst error // the first
}

// check prints how a check went and says whether it went well.
func (d *doctor) check(what, fine string, err error) bool {
	if err != nil {
		fmt.Fprintf(d.out, "FAIL  %s: %v\n", what, err)
		if d.worst == nil {
			d.worst = err
		}
		return false
	}
	fmt.Fprintf(d.out, "ok    %s: %s\n", what, fine)
	return true
}

// tryFolder connects to a folder's file system and tries it out.
func (d *doctor) tryFolder(ctx context.Context, files *vfs.Resolver, url string) {
	fsys, dir, err := files.FS(ctx, url)
	if err != nil {
		d.check("connecting to "+url, "", err)
		return
	}
	if h, ok := fsys.(*hdfs.FS); ok {
		d.describe(h.Connection())
	}
	d.check("writing, renaming and removing in "+url, "works", d.tryFile(ctx, fsys, dir))
}

// describe prints how HDFS is reached.
func (d *doctor) describe(c hdfs.Connection) {
	from := "no configuration: HADOOP_CONF_DIR is not set"
	if c.ConfDir != "" {
		from = "from " + c.ConfDir
	}
	d.check("HDFS configuration", from, nil)
	d.check("NameNodes", fmt.Sprint(c.NameNodes), nil)
	if !c.Kerberos {
		d.check("security", "none; user "+c.User, nil)
		return
	}
	d.check("security", "Kerberos; "+c.User+", from "+c.Credentials, nil)
}

// tryFile writes a file, renames it, reads it back and removes it; its time of change shows how the file system's clock goes.
func (d *doctor) tryFile(ctx context.Context, fsys vfs.FileSystem, dir string) (err error) {
	first, second := vfs.TempName(path.Join(dir, "doctor")), vfs.TempName(path.Join(dir, "doctor-renamed"))
	text := []byte("written by millrace doctor\n")
	w, err := fsys.Create(ctx, first)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return errors.Join(err, w.Abort())
	}
	if err := w.Close(); err != nil {
		return errors.Join(err, w.Abort())
	}
	last := first
	defer func() { err = errors.Join(err, fsys.Remove(context.WithoutCancel(ctx), last)) }()
	if err := fsys.Rename(ctx, first, second); err != nil {
		return err
	}
	last = second
	got, err := vfs.ReadFile(ctx, fsys, second)
	if err != nil {
		return err
	}
	if string(got) != string(text) {
		return vfs.PathError("read", fsys.URL(second), fmt.Errorf("got %q back, wrote %q", got, text))
	}
	info, err := fsys.Stat(ctx, second)
	if err != nil {
		return err
	}
	d.checkClock(fsys.URL(dir), time.Since(info.ModTime))
	return nil
}

func (d *doctor) checkClock(url string, behind time.Duration) {
	var err error
	if behind.Abs() > maxSkew {
		err = fmt.Errorf("%s apart from that of %s; Kerberos puts up with %s", behind.Round(time.Second), url, maxSkew)
	}
	d.check("clock", "within "+max(time.Second, behind.Abs().Round(time.Second)).String()+" of that of "+url, err)
}
