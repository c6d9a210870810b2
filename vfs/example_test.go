package vfs_test

import (
	"context"
	"fmt"

	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/local"
	"github.com/millrace/millrace/vfs/mem"
)

// The composition root writes down which schemes there are; everybody else has URLs.
func ExampleResolver() {
	ctx := context.Background()
	files := vfs.NewResolver(map[string]vfs.Opener{
		"file": local.Open,
		"mem":  func(_ context.Context, name string) (vfs.FileSystem, error) { return mem.New(name), nil },
	})
	defer files.Close()

	fsys, dir, err := files.FS(ctx, "mem://demo/in")
	if err == nil {
		err = fsys.Mkdir(ctx, dir)
	}
	if err == nil {
		err = vfs.WriteFileAtomic(ctx, fsys, vfs.Join(dir, "part-0.csv"), []byte("a,1\n"))
	}
	found, globErr := vfs.Glob(ctx, fsys, "/in/*.{csv,tsv}")
	for _, f := range found {
		fmt.Println(fsys.URL(f.Path), f.Size)
	}
	fmt.Println(err, globErr)
	// Output:
	// mem://demo/in/part-0.csv 4
	// <nil> <nil>
}
