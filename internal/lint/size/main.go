// Command size prints the tail of the tree's sizes: the longest files and functions and the largest packages, each with
// its median and 95th percentile. It fails nothing; who reads it decides what should be taken apart.
//
// Counted are lines of Go files that are neither tests nor generated. Folders whose names begin with . or _, testdata,
// and modules of their own are left out.
//
//	size [-top N] [FOLDER]
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	top := flag.Int("top", 12, "how many of each kind to print")
	flag.Parse()
	folder := "."
	if flag.NArg() > 0 {
		folder = flag.Arg(0)
	}
	tree, err := measure(folder)
	if err == nil {
		err = tree.print(os.Stdout, *top)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
		os.Exit(1)
	}
}
