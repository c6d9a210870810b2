package main

import (
	"bufio"
	"fmt"
)

// teraRecord is the length of a record with its newline; teraKey that of the key in front.
const (
	teraRecord = 100
	teraKey    = 10
)

// keySymbols are in ASCII order and need no quoting in any format.
const keySymbols = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// writeTera writes records in the manner of gensort's text records, one a line:
//
//	key (10 symbols)  ' '  row number (20 digits)  ' '  filler (67 letters)  '\n'
func writeTera(dir string, rows int64, parts int) error {
	per := rows / int64(parts)
	return writeParts(dir, ".txt", parts, func(k int, w *bufio.Writer) error {
		rec := make([]byte, teraRecord)
		for i := int64(k) * per; i < int64(k+1)*per; i++ {
			fillTera(rec, i)
			if _, err := w.Write(rec); err != nil {
				return err
			}
		}
		return nil
	})
}

func fillTera(rec []byte, row int64) {
	r := newRNG(row, 7)
	for j := range teraKey {
		rec[j] = keySymbols[r.intn(len(keySymbols))]
	}
	rec[10] = ' '
	copy(rec[11:31], fmt.Sprintf("%020d", row))
	rec[31] = ' '
	for j := 32; j < teraRecord-1; j++ {
		rec[j] = byte('A' + (int(row)+j/8)%26)
	}
	rec[teraRecord-1] = '\n'
}
