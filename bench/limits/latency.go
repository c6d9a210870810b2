package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// latency connects to the unix socket in, reads lines of key,at, counts by key and writes lines of key,count,at to the unix socket out: as much
// at once as there is.
func latency(in, out string, _ int) error {
	var dialer net.Dialer
	from, err := dialer.DialContext(context.Background(), "unix", in)
	if err != nil {
		return err
	}
	to, err := dialer.DialContext(context.Background(), "unix", out)
	if err != nil {
		return err
	}
	counts := map[string]int64{}
	buf, results := make([]byte, 1<<20), make([]byte, 0, 1<<20)
	have := 0
	for {
		n, err := from.Read(buf[have:])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		results = results[:0]
		lines := buf[:have+n]
		for {
			end := bytes.IndexByte(lines, '\n')
			if end < 0 {
				break
			}
			key, at, ok := bytes.Cut(lines[:end], []byte{','})
			if !ok {
				return fmt.Errorf("the line %q is not key,at", lines[:end])
			}
			counts[string(key)]++
			results = append(append(results, key...), ',')
			results = strconv.AppendInt(results, counts[string(key)], 10)
			results = append(append(append(results, ','), at...), '\n')
			lines = lines[end+1:]
		}
		have = copy(buf, lines)
		if _, err := to.Write(results); err != nil {
			return err
		}
	}
}
