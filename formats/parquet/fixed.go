package parquet

import (
	"slices"

	"github.com/millrace/millrace/columnar"
)

// fixedSink reads values of fixed width. Every encoding but the dictionary's is first brought to the plain form, values one behind the other;
// convert makes values of the column of that. A dictionary is converted once.
type fixedSink[T columnar.Fixed] struct {
	typ     columnar.Type
	phys    physical
	width   int // stored bytes of a value
	convert func(dst []T, src []byte)
	out     []T
	dict    []T

	source source
	plain  []byte
	index  indexes
	deltas deltas
	buf    []byte // plain form of deltas
}

// source says where a page's values come from.
type source uint8

const (
	fromPlain source = iota
	fromDictionary
	fromDeltas
	fromDecoded
)

func newFixedSink[T columnar.Fixed](e element, t columnar.Type, convert func(dst []T, src []byte)) *fixedSink[T] {
	return &fixedSink[T]{typ: t, phys: e.phys, width: physWidth(e), convert: convert}
}

func (s *fixedSink[T]) begin(n int) { s.out = make([]T, 0, n) }

func (s *fixedSink[T]) dictionary(data []byte, n int) error {
	if n*s.width > len(data) {
		return errRunOut
	}
	s.dict = make([]T, n)
	s.convert(s.dict, data)
	return nil
}

func (s *fixedSink[T]) page(enc encoding, data []byte, _ int) error {
	switch enc {
	case encPlain:
		s.source, s.plain = fromPlain, data
		return nil
	case encPlainDictionary, encDictionary:
		if s.dict == nil {
			return errNoDictionary
		}
		s.source = fromDictionary
		return s.index.start(data)
	case encDelta:
		if s.phys != physInt32 && s.phys != physInt64 {
			return unsupported(enc, s.phys)
		}
		s.source = fromDeltas
		return s.deltas.start(data)
	case encSplit:
		s.source, s.plain = fromPlain, joinStreams(data, s.width)
		return nil
	default:
		return unsupported(enc, s.phys)
	}
}

func (s *fixedSink[T]) read(k int) error {
	at := len(s.out)
	s.out = slices.Grow(s.out, k)[:at+k]
	dst := s.out[at:]
	switch s.source {
	case fromPlain:
		if k*s.width > len(s.plain) {
			return errRunOut
		}
		s.convert(dst, s.plain)
		s.plain = s.plain[k*s.width:]
		return nil
	case fromDeltas:
		return s.readDeltas(dst)
	default:
		return s.gather(dst)
	}
}

// gather takes values of the dictionary.
func (s *fixedSink[T]) gather(dst []T) error {
	dict := s.dict
	for len(dst) > 0 {
		index, err := s.index.next(len(dst))
		if err != nil {
			return err
		}
		to := dst[:len(index)]
		for i, x := range index {
			if uint(x) >= uint(len(dict)) {
				return errOutside
			}
			to[i] = dict[x]
		}
		dst = dst[len(index):]
	}
	return nil
}

func (s *fixedSink[T]) readDeltas(dst []T) error {
	var block [256]int64
	for len(dst) > 0 {
		b := block[:min(len(block), len(dst))]
		if err := s.deltas.read(b); err != nil {
			return err
		}
		s.buf = appendInts(s.buf[:0], b, s.width)
		s.convert(dst[:len(b)], s.buf)
		dst = dst[len(b):]
	}
	return nil
}

func (s *fixedSink[T]) skip(k int) error {
	switch s.source {
	case fromPlain:
		if k*s.width > len(s.plain) {
			return errRunOut
		}
		s.plain = s.plain[k*s.width:]
		return nil
	case fromDeltas:
		return s.deltas.skip(k)
	default:
		return s.index.skip(k)
	}
}

func (s *fixedSink[T]) spread(m, k int, valid columnar.Bitmap, from int) {
	at := len(s.out) - k
	s.out = slices.Grow(s.out, m-k)[:at+m]
	spreadValues(s.out[at:], k, valid, from)
}

// spreadValues moves the first k of v to where valid has ones, back to front, so that none is overwritten before it has been moved.
func spreadValues[T any](v []T, k int, valid columnar.Bitmap, from int) {
	for i := len(v) - 1; k > 0 && i >= k; i-- {
		if valid.Get(from + i) {
			k--
			v[i] = v[k]
		}
	}
}

func (s *fixedSink[T]) finish(valid columnar.Bitmap) columnar.Column {
	c := columnar.Of(s.typ, s.out, valid)
	s.out = nil
	return c
}

// joinStreams undoes BYTE_STREAM_SPLIT: the first bytes of all values, then the second ones, and so on.
func joinStreams(data []byte, width int) []byte {
	n := len(data) / width
	out := make([]byte, n*width)
	for k := range width {
		stream := data[k*n : (k+1)*n]
		for i, b := range stream {
			out[i*width+k] = b
		}
	}
	return out
}
