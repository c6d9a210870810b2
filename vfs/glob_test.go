package vfs_test

import (
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/mem"
)

// tree makes a file system with the given files, and folders where a name ends in a slash.
func tree(t *testing.T, files ...string) *mem.FS {
	t.Helper()
	fsys := mem.New("t")
	for _, f := range files {
		dir := path.Dir(f)
		if strings.HasSuffix(f, "/") {
			dir = f
		}
		if err := fsys.Mkdir(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f, "/") {
			if err := vfs.WriteFileAtomic(t.Context(), fsys, f, []byte(f)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return fsys
}

func TestGlob(t *testing.T) {
	fsys := tree(t, "/a1", "/a2", "/b/x.csv", "/b/y.txt", "/b/_SUCCESS", "/b/.tmp", "/b/deep/er/z.csv", "/b/_tmp/q.csv",
		"/c/x.csv", "/c/[odd]", "/c/{b}", "/c/*star", "/empty/", "/year=2024/month=1/p", "/year=2025/month=2/p")
	for _, c := range []struct{ pattern, want string }{
		{"/a1", "/a1"},
		{"/none", ""},
		{"/none/*", ""},
		{"/a?", "/a1 /a2"},
		{"/a[2-9]", "/a2"},
		{"/a[^1]", "/a2"},
		{"/*", "/a1 /a2 /b /c /empty /year=2024 /year=2025"},
		{"/b/*", "/b/deep /b/x.csv /b/y.txt"},
		{"/b/_*", "/b/_SUCCESS /b/_tmp"},
		{"/b/.*", "/b/.tmp"},
		{"/b/_SUCCESS", "/b/_SUCCESS"},
		{"/b/_tmp/*", "/b/_tmp/q.csv"},
		{"/*/x.csv", "/b/x.csv /c/x.csv"},
		{"/*/_SUCCESS", "/b/_SUCCESS"},
		{"/*.csv", ""},
		{"/**/*.csv", "/b/deep/er/z.csv /b/x.csv /c/x.csv"},
		{"/b/**", "/b/deep/er/z.csv /b/x.csv /b/y.txt"},
		{"/b/**/z.csv", "/b/deep/er/z.csv"},
		{"/b/**/deep/**/z.csv", "/b/deep/er/z.csv"},
		{"/{b,c}/x.csv", "/b/x.csv /c/x.csv"},
		{"/{b/x,c/x}.csv", "/b/x.csv /c/x.csv"},
		{"/b/{x,y}.{csv,txt}", "/b/x.csv /b/y.txt"},
		{"/{a{1,2},b}", "/a1 /a2 /b"},
		{"/{a1,a?}", "/a1 /a2"},
		{`/c/\[odd\]`, "/c/[odd]"},
		{`/c/\{b\}`, "/c/{b}"},
		{`/c/\**`, "/c/*star"},
		{"/year=*/month=*/p", "/year=2024/month=1/p /year=2025/month=2/p"},
		{"/year=*/month=1/", "/year=2024/month=1"},
		{"/a1/*", ""},
	} {
		infos, err := vfs.Glob(t.Context(), fsys, c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
		}
		var got []string
		for _, i := range infos {
			got = append(got, i.Path)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: got %q, want %q", c.pattern, s, c.want)
		}
	}
}

func TestGlobBadPattern(t *testing.T) {
	fsys := mem.New("t")
	for _, p := range []string{"/[", "/a{b", "/a}b", "/{a,[}"} {
		if _, err := vfs.Glob(t.Context(), fsys, p); !errors.Is(err, path.ErrBadPattern) {
			t.Errorf("%s: got %v", p, err)
		}
	}
}

func FuzzGlob(f *testing.F) {
	for _, p := range []string{"/a*", "{a,{b,c}}/**", `\`, "/[^a-]]", "/**/**", "{,}{,}"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if strings.Count(pattern, "{") > 6 || strings.Count(pattern, "**") > 4 {
			t.Skip("the number of alternatives is the product of the braces")
		}
		fsys := tree(t, "/a/b", "/a/_c", "/ab")
		infos, err := vfs.Glob(t.Context(), fsys, pattern)
		if err != nil && !errors.Is(err, path.ErrBadPattern) {
			t.Fatal(err)
		}
		for _, i := range infos {
			if _, err := fsys.Stat(t.Context(), i.Path); err != nil {
				t.Errorf("matched what does not exist: %v", err)
			}
		}
	})
}

func TestWalkAndUsage(t *testing.T) {
	ctx := t.Context()
	fsys := tree(t, "/d/b", "/d/a/x", "/d/a/_y", "/d/.h/z", "/d/empty/", "/_top/f", "/e")
	for root, want := range map[string]string{"/d": "/d/a/x /d/b", "/_top": "/_top/f", "/e": "/e", "/d/empty": ""} {
		var got []string
		for info, err := range vfs.Walk(ctx, fsys, root) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, info.Path)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: got %q, want %q", root, s, want)
		}
	}
	for info, err := range vfs.Walk(ctx, fsys, "/") { // stopping early is allowed
		if err != nil {
			t.Fatal(err)
		}
		if info.Path != "/d/a/x" {
			t.Errorf("first is %s", info.Path)
		}
		break
	}
	errs := 0
	for _, err := range vfs.Walk(ctx, fsys, "/none") {
		if err != nil {
			errs++
		}
	}
	if errs != 1 {
		t.Errorf("%d errors for a missing root", errs)
	}
	used, err := vfs.DiskUsage(ctx, fsys, "/d")
	if want := (vfs.Usage{Files: 4, Bytes: int64(len("/d/b/d/a/x/d/a/_y/d/.h/z"))}); err != nil || used != want {
		t.Errorf("usage %+v, %v; want %+v", used, err, want)
	}
}
