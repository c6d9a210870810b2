package jobs_test

import (
	"fmt"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/runner"
)

// records cuts a folder's files into records.
func records(t *testing.T, dir string) []string {
	t.Helper()
	data := content(t, dir)
	if len(data)%100 != 0 {
		t.Fatalf("%d bytes", len(data))
	}
	var out []string
	for ; len(data) > 0; data = data[100:] {
		out = append(out, data[:100])
	}
	return out
}

func report(all []string, duplicates int) string {
	sum := uint64(0)
	for _, r := range all {
		sum += uint64(crc32.ChecksumIEEE([]byte(r)))
	}
	return fmt.Sprintf("Records: %d\nChecksum: %x\nDuplicate keys: %d\n", len(all), sum, duplicates)
}

func TestTera(t *testing.T) {
	const rows = 20000
	for name, o := range settings(t) {
		t.Run(name, func(t *testing.T) {
			made, sorted, checked := t.TempDir(), t.TempDir(), t.TempDir()
			run(t, &jobs.TeraGen{Rows: rows, First: 7, Out: made}, o)
			want := records(t, made)
			if len(want) != rows {
				t.Fatalf("%d records made", len(want))
			}
			slices.Sort(want)
			small := o
			small.Memory = 1 << 20
			for name, o := range map[string]runner.Options{"in memory": o, "spilled": small} {
				run(t, &jobs.TeraSort{In: made, Out: sorted, Mode: "overwrite"}, o)
				if !slices.Equal(records(t, sorted), want) {
					t.Errorf("%s: the records are not sorted", name)
				}
			}
			sum := strings.Fields(report(want, 0))[3]
			run(t, &jobs.TeraValidate{In: sorted, Out: checked, Records: rows, Checksum: sum}, o)
			if got := content(t, checked); got != report(want, 0) {
				t.Errorf("report %q, want %q", got, report(want, 0))
			}
		})
	}
}

func TestTeraASCII(t *testing.T) {
	out := t.TempDir()
	run(t, &jobs.TeraGen{Rows: 2, Out: out, ASCII: true}, runner.Options{Parallelism: 1})
	if got := content(t, out); !strings.HasPrefix(got, "AsfAGHM5om  0000") || !strings.Contains(got, "\r\n~sHd0jDv6X  ") {
		t.Errorf("records %q", got)
	}
}

func TestTeraValidate(t *testing.T) {
	made := t.TempDir()
	run(t, &jobs.TeraGen{Rows: 1000, Out: made}, runner.Options{Parallelism: 2})
	all := records(t, made)
	slices.Sort(all)
	folder := func(parts ...[]string) string {
		dir := t.TempDir()
		for i, p := range parts {
			put(t, dir, fmt.Sprintf("part-%d", i), strings.Join(p, ""))
		}
		return dir
	}
	twice := slices.Concat(all[:500], all[499:500], all[499:])
	out := t.TempDir()
	run(t, &jobs.TeraValidate{In: folder(twice[:501], twice[501:]), Out: out, Records: -1}, runner.Options{Parallelism: 3})
	if got := content(t, out); got != report(twice, 2) {
		t.Errorf("report %q, want %q", got, report(twice, 2))
	}

	swapped := slices.Clone(all)
	swapped[700], swapped[701] = swapped[701], swapped[700]
	fails(t, &jobs.TeraValidate{In: folder(swapped[:300], swapped[300:]), Out: t.TempDir(), Records: -1},
		"1 of 1000 records are out of order, the first in ", "part-1 at byte 40100")
	fails(t, &jobs.TeraValidate{In: folder(all[500:], all[:500]), Out: t.TempDir(), Records: -1}, "1 of 1000", "part-1 at byte 0")
	fails(t, &jobs.TeraValidate{In: folder(all), Out: t.TempDir(), Records: 999}, "there are 1000 records, not 999")
	fails(t, &jobs.TeraValidate{In: folder(all), Out: t.TempDir(), Records: -1, Checksum: "12"}, "the checksum is ", "not 12")
	run(t, &jobs.TeraValidate{In: folder(swapped), Out: out, Records: 1000, AnyOrder: true, Mode: "overwrite"}, runner.Options{})

	cut := t.TempDir()
	put(t, cut, "f", strings.Join(all, "")[:99999])
	fails(t, &jobs.TeraValidate{In: cut, Out: t.TempDir(), Records: -1}, "99 of the record's 100 bytes", filepath.Join(cut, "f"))
	fails(t, &jobs.TeraSort{In: filepath.Join(cut, "none"), Out: t.TempDir()}, "none", "no such file")
}
