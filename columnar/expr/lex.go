package expr

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is one word of the text form.
type token struct {
	kind tokenKind
	text string // words as written; strings and quoted names without their quotes
	pos  int    // offset of the first byte
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenName   // "in double quotes"
	tokenString // 'in single quotes'
	tokenBytes  // x'00ff': text has the hexadecimal digits
	tokenNumber
	tokenTime // 1998-09-02 or 1998-09-02T10:00:00Z
	tokenSymbol
)

// keywords are the words that cannot be a column's name without double quotes. Function and type names can.
var keywords = map[string]bool{
	"and": true, "or": true, "not": true, "in": true, "is": true, "null": true, "like": true, "between": true, "true": true, "false": true,
	"case": true, "when": true, "then": true, "else": true, "end": true, "as": true, "cast": true,
}

// ParseError says where a text is not an expression. Pos counts bytes from 0.
type ParseError struct {
	Text string
	Pos  int
	Msg  string
}

// Error shows the message with the character's number, counted from 1, and what stands there.
func (e *ParseError) Error() string {
	rest := e.Text[e.Pos:]
	if r := []rune(rest); len(r) > 20 {
		rest = string(r[:20]) + "..."
	}
	if rest == "" {
		rest = "the end"
	} else {
		rest = fmt.Sprintf("%q", rest)
	}
	return fmt.Sprintf("at character %d, %s: %s", utf8.RuneCountInString(e.Text[:e.Pos])+1, rest, e.Msg)
}

// lex takes text apart; the last token is tokenEnd.
func lex(text string) ([]token, error) {
	var tokens []token
	for pos := 0; ; {
		pos += len(text[pos:]) - len(strings.TrimLeftFunc(text[pos:], unicode.IsSpace))
		if pos == len(text) {
			return append(tokens, token{pos: pos}), nil
		}
		t, n, err := lexOne(text, pos)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		pos += n
	}
}

// lexOne returns the token at pos and the bytes it takes.
func lexOne(text string, pos int) (token, int, error) {
	rest := text[pos:]
	c, size := utf8.DecodeRuneInString(rest)
	switch {
	case c == '\'':
		return lexQuoted(text, pos, 0, tokenString)
	case c == '"':
		return lexQuoted(text, pos, 0, tokenName)
	case (c == 'x' || c == 'X') && len(rest) > 1 && rest[1] == '\'':
		return lexQuoted(text, pos, 1, tokenBytes)
	case isDigit(rest[0]) || rest[0] == '.' && len(rest) > 1 && isDigit(rest[1]):
		if n := timeLength(rest); n > 0 {
			return token{tokenTime, rest[:n], pos}, n, nil
		}
		n := numberLength(rest)
		return token{tokenNumber, rest[:n], pos}, n, nil
	case isWordStart(c):
		n := size
		for n < len(rest) {
			r, s := utf8.DecodeRuneInString(rest[n:])
			if !isWordStart(r) && !unicode.IsDigit(r) {
				break
			}
			n += s
		}
		return token{tokenWord, rest[:n], pos}, n, nil
	}
	for _, symbol := range [...]string{"<=", ">=", "<>", "!=", "==", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ","} {
		if strings.HasPrefix(rest, symbol) {
			return token{tokenSymbol, symbol, pos}, len(symbol), nil
		}
	}
	return token{}, 0, &ParseError{text, pos, "this character has no meaning here"}
}

// lexQuoted reads quoted text whose opening quote is skip bytes from pos; a doubled quote stands for one.
func lexQuoted(text string, pos, skip int, kind tokenKind) (token, int, error) {
	rest := text[pos+skip:]
	q := rest[:1]
	for i := 1; i < len(rest); i++ {
		if rest[i] != q[0] {
			continue
		}
		if i+1 < len(rest) && rest[i+1] == q[0] {
			i++
			continue
		}
		return token{kind, strings.ReplaceAll(rest[1:i], q+q, q), pos}, skip + i + 1, nil
	}
	return token{}, 0, &ParseError{text, pos, "the quote is never closed"}
}

// timeLength returns the length of the bare date or timestamp that s begins with, 0 when it does not.
func timeLength(s string) int {
	const form = "0000-00-00"
	if len(s) < len(form) {
		return 0
	}
	for i := range len(form) {
		if form[i] == '-' && s[i] != '-' || form[i] == '0' && !isDigit(s[i]) {
			return 0
		}
	}
	n := len(form)
	if n < len(s) && isDigit(s[n]) {
		return 0
	}
	if n < len(s) && s[n] == 'T' {
		for n++; n < len(s) && (isDigit(s[n]) || strings.IndexByte(":.+-Z", s[n]) >= 0); n++ {
		}
	}
	return n
}

// numberLength returns the length of the digits, point and exponent that s begins with.
func numberLength(s string) int {
	n := digits(s)
	if n < len(s) && s[n] == '.' {
		n++
		n += digits(s[n:])
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		e := n + 1
		if e < len(s) && (s[e] == '+' || s[e] == '-') {
			e++
		}
		if d := digits(s[e:]); d > 0 {
			n = e + d
		}
	}
	return n
}

// digits returns how many digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWordStart(r rune) bool {
	return r == '_' || r != utf8.RuneError && unicode.IsLetter(r)
}

// isWord says whether s is read as one word.
func isWord(s string) bool {
	for i, r := range s {
		if !isWordStart(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}
