package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/runner"
	"github.com/millrace/millrace/vfs"
)

func newFS() *cobra.Command {
	c := &cobra.Command{
		Use:   "fs",
		Short: "Handle files, of this machine or on HDFS",
		Long:  "Handle files. A path is plain or a URL, as hdfs://ns1/books; where files are read it may be a glob: quote it.",
		Args:  cobra.ArbitraryArgs,
		RunE:  group,
	}
	engine := addEngineFlags(c.PersistentFlags(), hdfsSettings...)
	c.AddCommand(newList(engine), newCat(engine), newPut(engine), newGet(engine), newRemove(engine), newMkdir(engine), newUsage(engine))
	return c
}

func newList(engine *engineFlags) *cobra.Command {
	c := &cobra.Command{Use: "ls PATH...", Short: "List files and folders", Args: cobra.MinimumNArgs(1)}
	recursive := c.Flags().BoolP("recursive", "R", false, "also what is inside of folders")
	return fileCommand(c, engine, func(ctx context.Context, files *vfs.Resolver, args []string) error {
		return each(ctx, files, args, func(fsys vfs.FileSystem, info vfs.Info) error {
			return list(ctx, c.OutOrStdout(), fsys, info, *recursive)
		})
	})
}

// list prints a file, or the children of a folder.
func list(ctx context.Context, w io.Writer, fsys vfs.FileSystem, info vfs.Info, recursive bool) error {
	if !info.IsDir {
		return printInfo(w, fsys, info)
	}
	children, err := fsys.List(ctx, info.Path)
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := printInfo(w, fsys, child); err != nil {
			return err
		}
		if recursive && child.IsDir {
			if err := list(ctx, w, fsys, child, true); err != nil {
				return err
			}
		}
	}
	return nil
}

func printInfo(w io.Writer, fsys vfs.FileSystem, info vfs.Info) error {
	kind := "-"
	if info.IsDir {
		kind = "d"
	}
	_, err := fmt.Fprintf(w, "%s %14d  %s  %s\n", kind, info.Size, info.ModTime.Local().Format(time.DateTime), fsys.URL(info.Path))
	return err
}

func newCat(engine *engineFlags) *cobra.Command {
	c := &cobra.Command{Use: "cat FILE...", Short: "Print the bytes of files", Args: cobra.MinimumNArgs(1)}
	return fileCommand(c, engine, func(ctx context.Context, files *vfs.Resolver, args []string) error {
		return each(ctx, files, args, func(fsys vfs.FileSystem, info vfs.Info) error {
			f, err := fsys.Open(ctx, info.Path)
			if err != nil {
				return err
			}
			_, err = io.Copy(c.OutOrStdout(), f)
			return errors.Join(err, f.Close())
		})
	})
}

func newPut(engine *engineFlags) *cobra.Command {
	c := &cobra.Command{Use: "put LOCAL... TARGET", Short: "Copy files and folders to a file system; - is stdin", Args: cobra.MinimumNArgs(2)}
	return copyCommand(c, engine)
}

func newGet(engine *engineFlags) *cobra.Command {
	c := &cobra.Command{Use: "get SOURCE... LOCAL", Short: "Copy files and folders from a file system", Args: cobra.MinimumNArgs(2)}
	return copyCommand(c, engine)
}

func copyCommand(c *cobra.Command, engine *engineFlags) *cobra.Command {
	force := c.Flags().BoolP("force", "f", false, "replace files that exist")
	return fileCommand(c, engine, func(ctx context.Context, files *vfs.Resolver, args []string) error {
		last := len(args) - 1
		target, err := openTarget(ctx, files, args[last], *force, last > 1)
		if err != nil {
			return err
		}
		if args[0] == "-" && last == 1 {
			return target.write(ctx, target.path, c.InOrStdin())
		}
		return each(ctx, files, args[:last], func(fsys vfs.FileSystem, info vfs.Info) error {
			return target.copyIn(ctx, fsys, info)
		})
	})
}

func newRemove(engine *engineFlags) *cobra.Command {
	c := &cobra.Command{Use: "rm PATH...", Short: "Remove files, and folders with -r", Args: cobra.MinimumNArgs(1)}
	recursive := c.Flags().BoolP("recursive", "r", false, "also folders, with all that is in them")
	force := c.Flags().BoolP("force", "f", false, "what is not there is no error")
	return fileCommand(c, engine, func(ctx context.Context, files *vfs.Resolver, args []string) error {
		for _, arg := range args {
			err := each(ctx, files, []string{arg}, func(fsys vfs.FileSystem, info vfs.Info) error {
				return remove(ctx, fsys, info, *recursive)
			})
			if err != nil && !(*force && errors.Is(err, fs.ErrNotExist)) {
				return err
			}
		}
		return nil
	})
}

func remove(ctx context.Context, fsys vfs.FileSystem, info vfs.Info, recursive bool) error {
	switch {
	case info.Path == "/":
		return &runner.UsageError{Err: fmt.Errorf("%s is the root of a file system, which is not removed", fsys.URL("/"))}
	case !info.IsDir:
		return fsys.Remove(ctx, info.Path)
	case !recursive:
		return vfs.PathError("remove", fsys.URL(info.Path), fmt.Errorf("%w; -r removes it with all that is in it", vfs.ErrIsDir))
	default:
		return fsys.RemoveAll(ctx, info.Path)
	}
}

func newMkdir(engine *engineFlags) *cobra.Command {
	c := &cobra.Command{Use: "mkdir FOLDER...", Short: "Make folders, and those above them", Args: cobra.MinimumNArgs(1)}
	return fileCommand(c, engine, func(ctx context.Context, files *vfs.Resolver, args []string) error {
		for _, arg := range args {
			fsys, path, err := files.FS(ctx, arg)
			if err != nil {
				return err
			}
			if err := fsys.Mkdir(ctx, path); err != nil {
				return err
			}
		}
		return nil
	})
}

func newUsage(engine *engineFlags) *cobra.Command {
	c := &cobra.Command{Use: "du PATH...", Short: "Print bytes and number of files", Args: cobra.MinimumNArgs(1)}
	return fileCommand(c, engine, func(ctx context.Context, files *vfs.Resolver, args []string) error {
		return each(ctx, files, args, func(fsys vfs.FileSystem, info vfs.Info) error {
			used, err := vfs.DiskUsage(ctx, fsys, info.Path)
			if err == nil {
				_, err = fmt.Fprintf(c.OutOrStdout(), "%14d %8d  %s\n", used.Bytes, used.Files, fsys.URL(info.Path))
			}
			return err
		})
	})
}

// each calls do for all that the paths and globs name. A path of something that is not there, and a glob that matches nothing, are
// fs.ErrNotExist.
func each(ctx context.Context, files *vfs.Resolver, args []string, do func(vfs.FileSystem, vfs.Info) error) error {
	for _, arg := range args {
		fsys, path, err := files.FS(ctx, arg)
		if err != nil {
			return err
		}
		infos, err := expand(ctx, fsys, path)
		if err != nil {
			return err
		}
		for _, info := range infos {
			if err := do(fsys, info); err != nil {
				return err
			}
		}
	}
	return nil
}

func expand(ctx context.Context, fsys vfs.FileSystem, path string) ([]vfs.Info, error) {
	info, err := fsys.Stat(ctx, path)
	if err == nil {
		return []vfs.Info{info}, nil
	}
	if !vfs.HasMeta(path) || !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	infos, err := vfs.Glob(ctx, fsys, path)
	if err == nil && len(infos) == 0 {
		err = vfs.PathError("find", fsys.URL(path), fs.ErrNotExist)
	}
	return infos, err
}
