package fault_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/fault"
	"github.com/millrace/millrace/vfs"
	"github.com/millrace/millrace/vfs/mem"
)

func TestParse(t *testing.T) {
	all := []fault.Kind{"kill", "store", "slow"}
	got, err := fault.Parse("slow, kill", all)
	if err != nil || !slices.Equal(got, []fault.Kind{"slow", "kill"}) {
		t.Errorf("%v, %v", got, err)
	}
	if got := fault.Join(all); got != "kill,store,slow" {
		t.Error(got)
	}
	for _, text := range []string{"", "kill,", "hunger"} {
		if _, err := fault.Parse(text, all); err == nil || !strings.Contains(err.Error(), "kill,store,slow") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCounts(t *testing.T) {
	c := fault.Counts{"runs": 1}
	c.Add(fault.Counts{"runs": 2, "kills": 3})
	if got := c.String(); got != "3 kills, 3 runs" {
		t.Error(got)
	}
}

// output writes files and reads them back.
func output(t *testing.T, files map[string]string) fault.Output {
	t.Helper()
	fsys := mem.New("")
	if err := fsys.Mkdir(t.Context(), "/out"); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := fsys.Mkdir(t.Context(), vfs.Dir("/out/"+name)); err != nil {
			t.Fatal(err)
		}
		if err := vfs.WriteFileAtomic(t.Context(), fsys, "/out/"+name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	o, err := fault.ReadOutput(t.Context(), fsys, "/out")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// How lines are spread over the files of a folder makes no difference; a line more or less does, and one in another folder.
func TestDifference(t *testing.T) {
	want := output(t, map[string]string{"a.csv": "k,n\n1,2\n1,2\n", "b.csv": "k,n\n3,4\n", "_hidden": "x\n"})
	if want.Lines() != 5 {
		t.Errorf("there are %d lines", want.Lines())
	}
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"same":           {map[string]string{"c.csv": "k,n\n3,4\n1,2\n1,2\n"}, ""},
		"more files":     {map[string]string{"a.csv": "k,n\n1,2\n", "b.csv": "k,n\n1,2\n", "c.csv": "k,n\n3,4\n"}, ""},
		"missing":        {map[string]string{"a.csv": "k,n\n1,2\n", "b.csv": "k,n\n3,4\n"}, "1 lines are missing, 0 are too many, of 5:\n  1 times instead of 2: 1,2"},
		"twice":          {map[string]string{"a.csv": "k,n\n1,2\n1,2\n3,4\n3,4\n"}, "0 lines are missing, 1 are too many, of 5:\n  2 times instead of 1: 3,4"},
		"nothing":        {nil, "5 lines are missing"},
		"another folder": {map[string]string{"sub/a.csv": "k,n\n1,2\n1,2\n3,4\n"}, "2 times instead of 0: sub: 1,2"},
	} {
		got := want.Difference(output(t, c.files))
		if (c.says == "") != (got == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := fault.OutputOf([]string{"a", "a"}).Difference(fault.OutputOf([]string{"a"})); !strings.Contains(got, "1 times instead of 2: a") {
		t.Error(got)
	}
}

func TestForeignFiles(t *testing.T) {
	fsys := mem.New("")
	if err := vfs.WriteFileAtomic(t.Context(), fsys, "/a.parquet", []byte("PAR1")); err != nil {
		t.Fatal(err)
	}
	if _, err := fault.ReadOutput(t.Context(), fsys, "/"); err == nil || !strings.Contains(err.Error(), ".parquet") {
		t.Error(err)
	}
}
