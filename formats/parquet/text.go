package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/columnar"
)

// shortText is the length up to which strings are moved by one load and one store of that many bytes, whatever their length.
const shortText = 16

// textSink reads strings and binaries.
type textSink struct {
	typ     columnar.Type
	offsets []int32
	data    []byte // with room for shortText bytes more than needed
	hint    int    // bytes of the last column

	dict  texts
	short []shortEntry // the dictionary, if all of its values are short

	source  source
	plain   []byte
	index   indexes
	decoded texts // the page's values, of the encodings that are decoded all at once
	at      int   // the next of decoded
	left    int   // values left in the page at most
}

// texts are strings one behind the other.
type texts struct {
	offsets []int32
	data    []byte
}

// shortEntry is a short string, to be copied in one piece.
type shortEntry struct {
	text [shortText]byte
	n    int32
}

var errTooMuch = errors.New("a batch would have more than 2 GiB of text in one column; ask for fewer rows")

func (s *textSink) begin(n int) {
	s.offsets = append(make([]int32, 0, n+1), 0)
	s.data = columnar.Unspecified(s.hint + s.hint/8 + shortText)[:0]
}

// room makes room for n bytes behind the data and a short store.
func (s *textSink) room(n int) {
	if need := len(s.data) + n + shortText; need > cap(s.data) {
		next := columnar.Unspecified(need + len(s.data)/2)
		s.data = next[:copy(next, s.data)]
	}
}

func (s *textSink) dictionary(data []byte, n int) error {
	if n > len(data)/4 {
		return errRunOut
	}
	s.dict = texts{offsets: make([]int32, n+1), data: make([]byte, 0, len(data))}
	longest := 0
	for i := range n {
		text, rest, err := cutText(data)
		if err != nil {
			return err
		}
		s.dict.data = append(s.dict.data, text...)
		s.dict.offsets[i+1] = int32(len(s.dict.data))
		longest, data = max(longest, len(text)), rest
	}
	s.short = nil
	if longest > shortText {
		return nil
	}
	s.short = make([]shortEntry, n)
	for i := range s.short {
		s.short[i].n = int32(copy(s.short[i].text[:], s.dict.data[s.dict.offsets[i]:s.dict.offsets[i+1]]))
	}
	return nil
}

// cutText takes a string in plain form, four bytes of length and its bytes, off the front of data.
func cutText(data []byte) (text, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, errRunOut
	}
	n := binary.LittleEndian.Uint32(data)
	if uint64(n) > uint64(len(data)-4) {
		return nil, nil, fmt.Errorf("a string of %d bytes where its page has %d", n, len(data)-4)
	}
	return data[4 : 4+n], data[4+n:], nil
}

func (s *textSink) page(enc encoding, data []byte, n int) (err error) {
	s.left = n
	switch enc {
	case encPlain:
		s.source, s.plain = fromPlain, data
	case encPlainDictionary, encDictionary:
		if s.dict.offsets == nil {
			return errNoDictionary
		}
		s.source = fromDictionary
		err = s.index.start(data)
	case encDeltaLength, encDeltaBytes:
		s.source, s.at, s.decoded = fromDecoded, 0, texts{offsets: []int32{0}}
		switch {
		case len(data) == 0: // a page of nulls
		case enc == encDeltaLength:
			s.decoded.offsets, s.decoded.data, err = deltaLengths(data)
		default:
			s.decoded.offsets, s.decoded.data, err = deltaTexts(data)
		}
	default:
		err = unsupported(enc, physBytes)
	}
	return err
}

func (s *textSink) read(k int) error {
	s.left -= k
	switch {
	case s.source == fromPlain:
		return s.readPlain(k)
	case s.source == fromDecoded:
		return s.readDecoded(k)
	case s.short != nil:
		return s.gatherShort(k)
	default:
		return s.gather(k)
	}
}

// readPlain copies strings and leaves out their lengths. The loop is most of what reading text costs.
func (s *textSink) readPlain(k int) error {
	src := s.plain
	if len(src) < 4*k {
		return errRunOut
	}
	s.room((len(src) - 4*k) * k / max(k, k+s.left)) // its share of the page
	data, at := s.data[:cap(s.data)], len(s.data)
	for range k {
		if len(src) < 4 {
			return errRunOut
		}
		n := int(binary.LittleEndian.Uint32(src))
		src = src[4:]
		if n > len(src) {
			return fmt.Errorf("a string of %d bytes where its page has %d", n, len(src))
		}
		if at+n+shortText > len(data) {
			s.data = data[:at]
			s.room(max(n, at/2))
			data = s.data[:cap(s.data)]
		}
		if n <= shortText && len(src) >= shortText {
			copy(data[at:at+shortText], src[:shortText])
		} else {
			copy(data[at:], src[:n])
		}
		at += n
		src = src[n:]
		if at > math.MaxInt32 {
			return errTooMuch
		}
		s.offsets = append(s.offsets, int32(at))
	}
	s.data, s.plain = data[:at], src
	return nil
}

func (s *textSink) readDecoded(k int) error {
	if k > len(s.decoded.offsets)-1-s.at {
		return errRunOut
	}
	ends := s.decoded.offsets[s.at : s.at+k+1]
	text := s.decoded.data[ends[0]:ends[k]]
	if len(s.data)+len(text) > math.MaxInt32 {
		return errTooMuch
	}
	s.room(len(text))
	shift := int32(len(s.data)) - ends[0]
	for _, end := range ends[1:] {
		s.offsets = append(s.offsets, end+shift)
	}
	s.data = append(s.data, text...)
	s.at += k
	return nil
}

// gatherShort takes short strings of the dictionary.
func (s *textSink) gatherShort(k int) error {
	s.room(k * shortText)
	if len(s.data)+k*shortText > math.MaxInt32 {
		return errTooMuch
	}
	data, at := s.data[:cap(s.data)], len(s.data)
	dict := s.short
	for k > 0 {
		index, err := s.index.next(k)
		if err != nil {
			return err
		}
		n := len(s.offsets)
		s.offsets = grown(s.offsets, len(index))
		ends := s.offsets[n:]
		for i, x := range index {
			if uint(x) >= uint(len(dict)) {
				return errOutside
			}
			e := &dict[x]
			copy(data[at:at+shortText], e.text[:])
			at += int(e.n)
			ends[i] = int32(at)
		}
		k -= len(index)
	}
	s.data = data[:at]
	return nil
}

// gather takes strings of the dictionary: first it adds up their lengths, then it copies.
func (s *textSink) gather(k int) error {
	from := s.dict.offsets
	for k > 0 {
		index, err := s.index.next(k)
		if err != nil {
			return err
		}
		total := len(s.data)
		for _, x := range index {
			if uint(x) >= uint(len(from)-1) {
				return errOutside
			}
			total += int(from[x+1] - from[x])
			if total > math.MaxInt32 {
				return errTooMuch
			}
			s.offsets = append(s.offsets, int32(total))
		}
		s.room(total - len(s.data))
		data, at := s.data[:total], len(s.data)
		for _, x := range index {
			at += copy(data[at:], s.dict.data[from[x]:from[x+1]])
		}
		s.data = data
		k -= len(index)
	}
	return nil
}

// grown returns s longer by n entries of any value.
func grown(s []int32, n int) []int32 {
	if cap(s)-len(s) < n {
		s = append(make([]int32, 0, 2*cap(s)+n), s...)
	}
	return s[:len(s)+n]
}

func (s *textSink) skip(k int) error {
	s.left -= k
	switch s.source {
	case fromPlain:
		for range k {
			_, rest, err := cutText(s.plain)
			if err != nil {
				return err
			}
			s.plain = rest
		}
		return nil
	case fromDecoded:
		if k > len(s.decoded.offsets)-1-s.at {
			return errRunOut
		}
		s.at += k
		return nil
	default:
		return s.index.skip(k)
	}
}

func (s *textSink) spread(m, k int, valid columnar.Bitmap, from int) {
	base := len(s.offsets) - k - 1 // the entry before the first cell's end
	s.offsets = grown(s.offsets, m-k)
	for i := m - 1; i >= 0; i-- {
		s.offsets[base+1+i] = s.offsets[base+k]
		if valid.Get(from + i) {
			k--
		}
	}
}

func (s *textSink) finish(valid columnar.Bitmap) columnar.Column {
	s.hint = len(s.data)
	c := columnar.OfStrings(s.typ, s.offsets, s.data, valid)
	s.offsets, s.data = nil, nil
	return c
}

// textDecimals reads decimals that are stored as integers of varying length.
type textDecimals struct {
	textSink
	typ columnar.Type
}

func (s *textDecimals) read(k int) error {
	at := len(s.offsets) - 1
	if err := s.textSink.read(k); err != nil {
		return err
	}
	return s.check(at)
}

// check reports values that are too long, from the cell at on.
func (s *textDecimals) check(at int) error {
	for i := at; i < len(s.offsets)-1; i++ {
		if n := s.offsets[i+1] - s.offsets[i]; n > 16 {
			return fmt.Errorf("a decimal of %d bytes", n)
		}
	}
	return nil
}

func (s *textDecimals) finish(valid columnar.Bitmap) columnar.Column {
	text := s.textSink.finish(valid)
	out := make([]columnar.Decimal128, text.Len)
	for i := range out {
		out[i] = decimalOf(text.Bytes(i))
	}
	return columnar.Of(s.typ, out, valid)
}
