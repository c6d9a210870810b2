package vfs_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/vfs"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct{ url, scheme, authority, path, again string }{
		{"/a/b", "file", "", "/a/b", "/a/b"},
		{"a/b/", "file", "", "a/b", "a/b"},
		{"", "file", "", ".", "."},
		{"file:///a", "file", "", "/a", "/a"},
		{"file:/a", "file", "", "/a", "/a"},
		{"file:a/b/", "file", "", "a/b", "a/b"},
		{"file:", "file", "", "file:", "./file:"},
		{"./file:a", "file", "", "file:a", "./file:a"},
		{"./hdfs:/a", "file", "", "hdfs:/a", "./hdfs:/a"},
		{"hdfs://nn:8020/a//b/../c/", "hdfs", "nn:8020", "/a/c", "hdfs://nn:8020/a/c"},
		{"hdfs://nn:8020", "hdfs", "nn:8020", "/", "hdfs://nn:8020/"},
		{"hdfs:///a", "hdfs", "", "/a", "hdfs:///a"},
		{"hdfs:/a", "hdfs", "", "/a", "hdfs:///a"},
		{"HDFS://NN/A", "hdfs", "NN", "/A", "hdfs://NN/A"},
		{"mem://x/a b%20?[1]", "mem", "x", "/a b%20?[1]", "mem://x/a b%20?[1]"},
		{"hdfs://h/../../etc", "hdfs", "h", "/etc", "hdfs://h/etc"},
		{"a:b", "file", "", "a:b", "a:b"},
		{"c:/dos", "file", "", "c:/dos", "c:/dos"},
		{"12:30/log", "file", "", "12:30/log", "12:30/log"},
		{"/x/hdfs://h/a", "file", "", "/x/hdfs:/h/a", "/x/hdfs:/h/a"},
	} {
		scheme, authority, path := vfs.Split(c.url)
		if scheme != c.scheme || authority != c.authority || path != c.path {
			t.Errorf("Split(%q) = %q, %q, %q; want %q, %q, %q", c.url, scheme, authority, path, c.scheme, c.authority, c.path)
		}
		if got := vfs.Format(scheme, authority, path); got != c.again {
			t.Errorf("Format after Split(%q) = %q, want %q", c.url, got, c.again)
		}
	}
}

func TestJoinBaseDir(t *testing.T) {
	if got := vfs.Join("hdfs://h:1/a/", "b", "../c"); got != "hdfs://h:1/a/c" {
		t.Error(got)
	}
	if got := vfs.Join("a", "b"); got != "a/b" {
		t.Error(got)
	}
	if got := vfs.Join("hdfs://h", "b"); got != "hdfs://h/b" {
		t.Error(got)
	}
	if got := vfs.Base("hdfs://h/a/b/"); got != "b" {
		t.Error(got)
	}
	if got := vfs.Dir("hdfs://h/a/b"); got != "hdfs://h/a" {
		t.Error(got)
	}
}

// A formatted URL splits into the same parts, whatever they hold.
func TestFormatThenSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scheme := rapid.StringMatching(`[a-z][a-z0-9+.-]{1,5}`).Draw(t, "scheme")
		authority := rapid.StringMatching(`[a-zA-Z0-9.:-]{0,8}`).Draw(t, "authority")
		path := "/" + rapid.StringMatching(`[^/\x00]{0,6}(/[^/\x00]{1,4}){0,3}`).Draw(t, "path")
		url := vfs.Format(scheme, authority, path)
		s, a, p := vfs.Split(url)
		if s != scheme || a != authority || vfs.Format(s, a, p) != url || strings.HasSuffix(p, "/") && p != "/" {
			t.Fatalf("%q splits into %q, %q, %q", url, s, a, p)
		}
	})
}

func TestAbsolute(t *testing.T) {
	t.Chdir("/tmp")
	for in, want := range map[string]string{
		"a/b": "/tmp/a/b", "/a": "/a", "file:///a/b": "/a/b", "file:/a": "/a", "file:a/b": "/tmp/a/b", "file://localhost/a": "/a",
		"file://host/a": "file://host/a", "hdfs://nn:8020/a": "hdfs://nn:8020/a", "mem://x/a": "mem://x/a",
	} {
		if got, err := vfs.Absolute(in); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", in, got, err, want)
		}
	}
}
