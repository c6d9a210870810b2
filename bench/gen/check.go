package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// eachLine calls visit with every line of the files in turn, without its end; the bytes are valid during the call.
func eachLine(files []string, visit func(line []byte) error) error {
	for _, path := range files {
		if err := eachLineOf(path, visit); err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
	}
	return nil
}

func eachLineOf(path string, visit func(line []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	for err == nil && lines.Scan() {
		err = visit(lines.Bytes())
	}
	return errors.Join(err, lines.Err(), f.Close())
}

// lineHash is FNV-1a, mixed so that sums of hashes are sensitive to every bit. Written out, because
// hash/fnv allocates a state a line.
func lineHash(line []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range line {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return mix(h)
}

// valsort prints "ROWS sorted CHECKSUM", or "UNSORTED(pairs out of order)", for 100-byte records which the
// files hold in their order. The checksum is that of the records as a multiset.
func valsort(out io.Writer, files []string) error {
	var rows, disorder, sum uint64
	var last []byte
	err := eachLine(files, func(line []byte) error {
		if len(line) < teraKey {
			return fmt.Errorf("record %d has %d bytes", rows, len(line))
		}
		key := line[:teraKey]
		if bytes.Compare(last, key) > 0 {
			disorder++
		}
		last = append(last[:0], key...)
		sum += lineHash(line)
		rows++
		return nil
	})
	order := "sorted"
	if disorder > 0 {
		order = fmt.Sprintf("UNSORTED(%d)", disorder)
	}
	fmt.Fprintf(out, "%d %s %016x\n", rows, order, sum)
	return err
}

// sumWords prints "LINES CHECKSUM" of lines with a comma or a tab between word and count.
func sumWords(out io.Writer, files []string) error {
	var rows, sum uint64
	var b []byte
	err := eachLine(files, func(line []byte) error {
		if len(line) == 0 {
			return nil
		}
		b = append(b[:0], bytes.TrimRight(line, "\r")...)
		if i := bytes.IndexByte(b, ','); i >= 0 {
			b[i] = '\t'
		}
		sum += lineHash(b)
		rows++
		return nil
	})
	fmt.Fprintf(out, "%d %016x\n", rows, sum)
	return err
}
