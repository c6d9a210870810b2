package json

import (
	"bytes"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

var (
	errEscape  = errors.New("an escape that JSON does not know")
	errControl = errors.New("a control character in a string")
)

// escapes has what the character behind a backslash stands for.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// appendText appends the text of a string, given as it stands between the quotes.
func appendText(text, raw []byte) ([]byte, error) {
	for _, c := range raw {
		if c < 0x20 {
			return text, errControl
		}
	}
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(text, raw...), nil
		}
		text = append(text, raw[:i]...)
		raw = raw[i:]
		if len(raw) < 2 {
			return text, errEscape
		}
		if raw[1] == 'u' {
			r, n := unicodeEscape(raw)
			if n == 0 {
				return text, errEscape
			}
			text = utf8.AppendRune(text, r)
			raw = raw[n:]
			continue
		}
		c := escapes[raw[1]]
		if c == 0 {
			return text, errEscape
		}
		text = append(text, c)
		raw = raw[2:]
	}
}

// unicodeEscape returns the character of the escape \uXXXX that raw begins with, or of a surrogate pair of two, and its length; 0 when there
// is none. Half a pair is U+FFFD.
func unicodeEscape(raw []byte) (rune, int) {
	high, ok := hex4(raw)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(high) {
		return high, 6
	}
	if low, ok := hex4(raw[6:]); ok {
		if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
			return r, 12
		}
	}
	return utf8.RuneError, 6
}

// hex4 reads \uXXXX.
func hex4(raw []byte) (r rune, ok bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	for _, c := range raw[2:6] {
		r <<= 4
		switch {
		case c-'0' <= 9:
			r |= rune(c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r |= rune(c | 0x20 - 'a' + 10)
		default:
			return 0, false
		}
	}
	return r, true
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends a string with its quotes. Bytes that are not UTF-8 become U+FFFD.
func appendQuoted(buf, text []byte) []byte {
	buf = append(buf, '"')
	from := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError && n == 1 {
				buf = append(append(buf, text[from:i]...), "\ufffd"...)
				from = i + 1
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		buf = append(buf, text[from:i]...)
		switch c {
		case '"', '\\':
			buf = append(buf, '\\', c)
		case '\n':
			buf = append(buf, '\\', 'n')
		case '\r':
			buf = append(buf, '\\', 'r')
		case '\t':
			buf = append(buf, '\\', 't')
		default:
			buf = append(buf, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(append(buf, text[from:]...), '"')
}
