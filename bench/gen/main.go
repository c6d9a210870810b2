// Gen makes the data sets of the whole-job benchmarks and checks some of their results.
//
//	gen words   DIR BYTES PARTS     text, words by Zipf's law
//	gen tera    DIR ROWS PARTS      100-byte text records with a 10-byte key
//	gen orders  DIR ROWS PARTS      CSV of mixed types, with quotes and empty cells
//	gen groups  DIR ROWS            columns to group by (see columns.go for the layout)
//	gen star    DIR ROWS            columns of a fact and a dimension table to join
//	gen nexmark DIR EVENTS PARTS    the Nexmark event stream as JSON lines
//	gen valsort FILE...             prints rows, "sorted" or the disorder, and a checksum of 100-byte records
//	gen sumwords FILE...            prints lines and a checksum of "word,count" or "word<TAB>count" lines
//
// Everything is a pure function of the arguments: the same arguments give the same bytes on
// any machine, whatever the number of cores. Checksums do not depend on the order of lines.
package main

import (
	"fmt"
	"os"
	"strconv"
)

// A maker writes the data set of n units (bytes, rows or events) into dir, in parts files.
type maker func(dir string, n int64, parts int) error

func makers() map[string]maker {
	return map[string]maker{
		"words":   writeWords,
		"tera":    writeTera,
		"orders":  writeOrders,
		"groups":  func(dir string, n int64, _ int) error { return writeGroups(dir, n) },
		"star":    func(dir string, n int64, _ int) error { return writeStar(dir, n) },
		"nexmark": writeNexmark,
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: gen COMMAND DIR|FILE ..., see the head of main.go")
	}
	switch args[0] {
	case "valsort":
		return valsort(os.Stdout, args[1:])
	case "sumwords":
		return sumWords(os.Stdout, args[1:])
	}
	write, ok := makers()[args[0]]
	if !ok {
		return fmt.Errorf("unknown command %q", args[0])
	}
	n, parts, err := sizes(args[2:])
	if err != nil {
		return err
	}
	return write(args[1], n, parts)
}

// sizes reads the number of units and of parts; parts defaults to 1.
func sizes(args []string) (n int64, parts int, err error) {
	if len(args) == 0 {
		return 0, 0, fmt.Errorf("the size is missing")
	}
	n, err = strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the size: %w", err)
	}
	parts = 1
	if len(args) > 1 {
		parts, err = strconv.Atoi(args[1])
	}
	if err != nil || parts < 1 {
		return 0, 0, fmt.Errorf("the number of parts %q is not a positive number", args[1])
	}
	return n, parts, nil
}
