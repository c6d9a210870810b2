package json

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	errEnd     = errors.New("the line ends inside a value")
	errLiteral = errors.New("a word that is neither true, false nor null")
	errNumber  = errors.New("a number that JSON does not allow")
)

// errWant says which character is missing.
func errWant(what string, data []byte, at int) error {
	if at >= len(data) {
		return errEnd
	}
	return fmt.Errorf("%q where %s belongs", data[at], what)
}

// blanks returns the position of the next byte of data that is no blank.
func blanks(data []byte, at int) int {
	for at < len(data) && data[at] <= ' ' && (data[at] == ' ' || data[at] == '\t' || data[at] == '\r' || data[at] == '\n') {
		at++
	}
	return at
}

// skip returns where the value at data[at] ends. Of arrays and objects it checks brackets and strings only.
func skip(data []byte, at int) (int, error) {
	if at >= len(data) {
		return 0, errEnd
	}
	switch c := data[at]; {
	case c == '"':
		return skipString(data, at)
	case c == '{' || c == '[':
		return skipNested(data, at)
	case c == '-' || c-'0' <= 9:
		return skipNumber(data, at)
	default:
		return skipLiteral(data, at)
	}
}

// skipString returns where the string that begins with the quote at data[at] ends, behind its closing quote.
func skipString(data []byte, at int) (int, error) {
	at++
	for {
		i := bytes.IndexByte(data[at:], '"')
		if i < 0 {
			return 0, errEnd
		}
		// The quote closes the string unless an odd number of backslashes is before it.
		end := at + i
		n := 0
		for end-n > at && data[end-n-1] == '\\' {
			n++
		}
		at = end + 1
		if n&1 == 0 {
			return at, nil
		}
	}
}

// skipNested passes over an array or object. Brackets are counted by kind, so that [} is an error.
func skipNested(data []byte, at int) (int, error) {
	var open []byte
	var few [32]byte
	open = few[:0]
	for at < len(data) {
		switch c := data[at]; c {
		case '"':
			var err error
			if at, err = skipString(data, at); err != nil {
				return 0, err
			}
			continue
		case '{', '[':
			open = append(open, c+2) // the closing bracket
		case '}', ']':
			if open[len(open)-1] != c {
				return 0, fmt.Errorf("%q closes %q", c, open[len(open)-1]-2)
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				return at + 1, nil
			}
		}
		at++
	}
	return 0, errEnd
}

// skipNumber passes over a number, by JSON's grammar.
func skipNumber(data []byte, at int) (int, error) {
	if data[at] == '-' {
		at++
	}
	begin := at
	at = skipDigits(data, at)
	if at == begin || data[begin] == '0' && at > begin+1 {
		return 0, errNumber
	}
	if at < len(data) && data[at] == '.' {
		begin = at + 1
		if at = skipDigits(data, begin); at == begin {
			return 0, errNumber
		}
	}
	if at < len(data) && data[at]|0x20 == 'e' {
		at++
		if at < len(data) && (data[at] == '+' || data[at] == '-') {
			at++
		}
		begin = at
		if at = skipDigits(data, begin); at == begin {
			return 0, errNumber
		}
	}
	return at, nil
}

func skipDigits(data []byte, at int) int {
	for at < len(data) && data[at]-'0' <= 9 {
		at++
	}
	return at
}

var literals = [][]byte{[]byte("true"), []byte("false"), []byte("null")}

func skipLiteral(data []byte, at int) (int, error) {
	for _, l := range literals {
		if bytes.HasPrefix(data[at:], l) {
			return at + len(l), nil
		}
	}
	return 0, errLiteral
}

// members calls f with the name, as it stands between the quotes, and the place of the value of each member of the object at data[at]; f returns where the
// value ends. members returns where the object ends.
func members(data []byte, at int, f func(name []byte, at int) (int, error)) (int, error) {
	if at >= len(data) || data[at] != '{' {
		return 0, errWant("an object", data, at)
	}
	at = blanks(data, at+1)
	if at < len(data) && data[at] == '}' {
		return at + 1, nil
	}
	for {
		if at >= len(data) || data[at] != '"' {
			return 0, errWant("a member's name", data, at)
		}
		end, err := skipString(data, at)
		if err != nil {
			return 0, err
		}
		name := data[at+1 : end-1]
		at = blanks(data, end)
		if at >= len(data) || data[at] != ':' {
			return 0, errWant("':'", data, at)
		}
		if at, err = f(name, blanks(data, at+1)); err != nil {
			return 0, err
		}
		at = blanks(data, at)
		if at < len(data) && data[at] == '}' {
			return at + 1, nil
		}
		if at >= len(data) || data[at] != ',' {
			return 0, errWant("',' or '}'", data, at)
		}
		at = blanks(data, at+1)
	}
}

// items calls f with the place of each item of the array at data[at]; f returns where the item ends. items returns where the array ends.
func items(data []byte, at int, f func(at int) (int, error)) (int, error) {
	if at >= len(data) || data[at] != '[' {
		return 0, errWant("an array", data, at)
	}
	at = blanks(data, at+1)
	if at < len(data) && data[at] == ']' {
		return at + 1, nil
	}
	for {
		var err error
		if at, err = f(at); err != nil {
			return 0, err
		}
		at = blanks(data, at)
		if at < len(data) && data[at] == ']' {
			return at + 1, nil
		}
		if at >= len(data) || data[at] != ',' {
			return 0, errWant("',' or ']'", data, at)
		}
		at = blanks(data, at+1)
	}
}
