package main

import "encoding/binary"

// maxShort is the longest string that a shortString holds.
const maxShort = 23

// shortString is a string of up to 23 bytes as three words: its bytes, zeros, and its length in the last byte.
// Two are equal exactly when the strings are, and comparing touches no other memory.
type shortString [3]uint64

// pack panics when s is longer than maxShort: the data set has no such key.
func pack(s []byte) shortString {
	var b [24]byte
	if len(s) > maxShort {
		panic("limits: a group key of more than 23 bytes")
	}
	copy(b[:], s)
	b[maxShort] = byte(len(s))
	return shortString{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])}
}

func (s shortString) hash() uint64 {
	return mix(s[0]*0x9e3779b97f4a7c15 ^ mix(s[1]^s[2]*0xc2b2ae3d27d4eb4f))
}

func appendShort(b []byte, s shortString) []byte {
	var raw [24]byte
	for i, w := range s {
		binary.LittleEndian.PutUint64(raw[8*i:], w)
	}
	return append(b, raw[:raw[maxShort]]...)
}
