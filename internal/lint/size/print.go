package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// print writes the top of each kind, longest first.
func (t *tree) print(w io.Writer, top int) error {
	var text strings.Builder
	section(&text, "files", t.files, top)
	section(&text, "functions", t.functions, top)
	section(&text, "packages", t.packages, top)
	fmt.Fprintf(&text, "lines: %d counted above, %d in tests, %d generated\n", total(t.files), t.testLines, t.generatedLines)
	_, err := io.WriteString(w, text.String())
	return err
}

func section(text *strings.Builder, kind string, all []sized, top int) {
	if len(all) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b sized) int {
		return cmp.Or(cmp.Compare(b.lines, a.lines), cmp.Compare(a.name, b.name))
	})
	// Sorted downwards: the 95th percentile stands after the first twentieth.
	fmt.Fprintf(text, "%s: %d, median %d lines, 95%% up to %d\n", kind, len(all), all[len(all)/2].lines, all[len(all)/20].lines)
	for _, s := range all[:min(top, len(all))] {
		fmt.Fprintf(text, "%6d  %s\n", s.lines, s.name)
	}
	text.WriteByte('\n')
}

func total(all []sized) int {
	sum := 0
	for _, s := range all {
		sum += s.lines
	}
	return sum
}
