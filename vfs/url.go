package vfs

import (
	"path"
	"path/filepath"
	"strings"
)

// Local is the scheme of plain paths.
const Local = "file"

// Split takes a URL apart: "hdfs://nn:8020/a/b" is ("hdfs", "nn:8020", "/a/b"). A plain path is
// ("file", "", path) and may be relative, and so may one behind "file:". "hdfs:/a" and "hdfs:///a" have an empty authority. The path is cleaned
// (no trailing slash, no ".."); an empty one after a scheme is "/".
func Split(url string) (scheme, authority, p string) {
	if after, ok := strings.CutPrefix(url, Local+":"); ok && after != "" && after[0] != '/' {
		return Local, "", path.Clean(after)
	}
	scheme, rest, ok := cutScheme(url)
	if !ok {
		return Local, "", path.Clean(url)
	}
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		authority, rest = after, ""
		if i := strings.IndexByte(after, '/'); i >= 0 {
			authority, rest = after[:i], after[i:]
		}
	}
	return scheme, authority, path.Clean("/" + rest)
}

// Absolute makes a path of this machine, or a URL of one, an absolute path, so that it means the same in another working folder. Other URLs stay
// as they are, those of files of another host among them.
func Absolute(url string) (string, error) {
	scheme, authority, p := Split(url)
	if scheme != Local || authority != "" && authority != "localhost" {
		return url, nil
	}
	return filepath.Abs(p)
}

// cutScheme splits "scheme:/rest" at the colon. A scheme is two or more of [a-z0-9+.-] beginning with a letter,
// and a slash follows it: "a:b" and "12:30/x" are plain paths.
func cutScheme(url string) (scheme, rest string, ok bool) {
	i := strings.IndexByte(url, ':')
	if i < 2 || !strings.HasPrefix(url[i+1:], "/") {
		return "", url, false
	}
	for j := range i {
		c := url[j] | 0x20
		letter := 'a' <= c && c <= 'z'
		if !letter && (j == 0 || !strings.ContainsRune("0123456789+.-", rune(url[j]))) {
			return "", url, false
		}
	}
	return strings.ToLower(url[:i]), url[i+1:], true
}

// Format puts a URL together; it is the inverse of Split. Of the local file system it is the plain path.
func Format(scheme, authority, p string) string {
	if scheme == Local && authority == "" {
		return plain(path.Clean(p))
	}
	return scheme + "://" + authority + path.Clean("/"+p)
}

// plain keeps a path whose first folder looks like a scheme from being taken for a URL.
func plain(p string) string {
	if _, _, isURL := cutScheme(p); isURL || strings.HasPrefix(p, Local+":") {
		return "./" + p
	}
	return p
}

// Join appends elements to a URL or path and cleans the result; scheme and authority stay.
func Join(url string, elem ...string) string {
	scheme, authority, p := Split(url)
	return Format(scheme, authority, path.Join(append([]string{p}, elem...)...))
}

// Base is the last element of a URL or path.
func Base(url string) string {
	_, _, p := Split(url)
	return path.Base(p)
}

// Dir is the URL or path of the folder above.
func Dir(url string) string {
	scheme, authority, p := Split(url)
	return Format(scheme, authority, path.Dir(p))
}

// IsHidden tells whether a file or folder of this name is left out of a folder's data: names that begin with
// '.' or '_', such as temporary files and _SUCCESS.
func IsHidden(name string) bool {
	return strings.HasPrefix(name, ".") && name != "." && name != ".." || strings.HasPrefix(name, "_")
}
