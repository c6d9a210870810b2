package parquet

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// rawSink reads values of a fixed number of bytes.
type rawSink struct {
	typ    columnar.Type
	width  int
	out    []byte
	dict   []byte
	source source
	plain  []byte
	index  indexes
}

func (s *rawSink) begin(n int) { s.out = make([]byte, 0, n*s.width) }

func (s *rawSink) dictionary(data []byte, n int) error {
	if n*s.width > len(data) {
		return errRunOut
	}
	s.dict = append(make([]byte, 0, n*s.width), data[:n*s.width]...)
	return nil
}

func (s *rawSink) page(enc encoding, data []byte, _ int) error {
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
	case encSplit:
		s.source, s.plain = fromPlain, joinStreams(data, s.width)
		return nil
	case encDeltaBytes:
		s.source, s.plain = fromPlain, nil
		if len(data) == 0 {
			return nil
		}
		offsets, text, err := deltaTexts(data)
		for i := range len(offsets) - 1 {
			if int(offsets[i+1]-offsets[i]) != s.width {
				return errors.New("a value of another length than the column's")
			}
		}
		s.plain = text
		return err
	default:
		return unsupported(enc, physFixed)
	}
}

func (s *rawSink) read(k int) error {
	if s.source == fromPlain {
		if k*s.width > len(s.plain) {
			return errRunOut
		}
		s.out = append(s.out, s.plain[:k*s.width]...)
		s.plain = s.plain[k*s.width:]
		return nil
	}
	for k > 0 {
		index, err := s.index.next(k)
		if err != nil {
			return err
		}
		for _, x := range index {
			if int(x) >= len(s.dict)/s.width {
				return errOutside
			}
			s.out = append(s.out, s.dict[int(x)*s.width:(int(x)+1)*s.width]...)
		}
		k -= len(index)
	}
	return nil
}

func (s *rawSink) skip(k int) error {
	if s.source != fromPlain {
		return s.index.skip(k)
	}
	if k*s.width > len(s.plain) {
		return errRunOut
	}
	s.plain = s.plain[k*s.width:]
	return nil
}

func (s *rawSink) spread(m, k int, valid columnar.Bitmap, from int) {
	w := s.width
	at := len(s.out) - k*w
	s.out = slices.Grow(s.out, (m-k)*w)[:at+m*w]
	v := s.out[at:]
	for i := m - 1; k > 0 && i >= k; i-- {
		if valid.Get(from + i) {
			k--
			copy(v[i*w:(i+1)*w], v[k*w:(k+1)*w])
		}
	}
}

func (s *rawSink) finish(valid columnar.Bitmap) columnar.Column {
	c := columnar.Column{Type: s.typ, Len: len(s.out) / s.width, Valid: valid, Data: s.out}
	s.out = nil
	return c
}

// boolSink reads bools, a bit each.
type boolSink struct {
	out    []byte
	n      int
	source source
	plain  []byte
	bit    int
	runs   hybrid
}

func (s *boolSink) begin(n int) { s.out, s.n = make([]byte, 0, (n+7)/8), 0 }

func (s *boolSink) dictionary([]byte, int) error { return unsupported(encDictionary, physBool) }

func (s *boolSink) page(enc encoding, data []byte, _ int) error {
	switch enc {
	case encPlain:
		s.source, s.plain, s.bit = fromPlain, data, 0
		return nil
	case encRLE:
		s.source = fromDecoded
		if len(data) < 4 || binary.LittleEndian.Uint32(data) > uint32(len(data)-4) {
			return errRunOut
		}
		s.runs.reset(data[4:4+binary.LittleEndian.Uint32(data)], 1)
		return nil
	default:
		return unsupported(enc, physBool)
	}
}

func (s *boolSink) read(k int) error {
	var err error
	v := validity{bits: s.out, n: s.n}
	v.bits = growBits(v.bits, s.n+k)
	if s.source == fromPlain {
		if s.bit+k > len(s.plain)*8 {
			return errRunOut
		}
		v.copy(s.plain, s.bit, k)
		s.bit += k
	} else {
		_, err = v.read(&s.runs, k)
	}
	s.out, s.n = v.bits, s.n+k
	return err
}

// growBits makes b long enough for n bits; the new ones are clear.
func growBits(b []byte, n int) []byte {
	if more := (n+7)/8 - len(b); more > 0 {
		b = append(b, make([]byte, more)...)
	}
	return b
}

func (s *boolSink) skip(k int) error {
	if s.source != fromPlain {
		return s.runs.skip(k)
	}
	if s.bit += k; s.bit > len(s.plain)*8 {
		return errRunOut
	}
	return nil
}

func (s *boolSink) spread(m, k int, valid columnar.Bitmap, from int) {
	at := s.n - k
	s.out = growBits(s.out, at+m)
	bits := columnar.Bitmap{Bits: s.out}
	for i := m - 1; i >= 0; i-- {
		v := false
		if valid.Get(from + i) {
			k--
			v = bits.Get(at + k)
		}
		bits.SetTo(at+i, v)
	}
	s.n = at + m
}

func (s *boolSink) finish(valid columnar.Bitmap) columnar.Column {
	c := columnar.OfBools(columnar.Bitmap{Bits: s.out}, s.n, valid)
	s.out = nil
	return c
}
