package file_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/expr"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/vfs"
)

// counting counts the folders listed.
type counting struct {
	vfs.FileSystem
	listed []string
}

func (c *counting) List(ctx context.Context, dir string) ([]vfs.Info, error) {
	c.listed = append(c.listed, dir)
	return c.FileSystem.List(ctx, dir)
}

// months fills /t with dt=2026-01-01 to dt=2026-12-01, each with hours 0 to 2, one line each, and a null hour.
func months(d disk) {
	for m := 1; m <= 12; m++ {
		for h := range 3 {
			d.put(fmt.Sprintf("/t/dt=2026-%02d-01/hour=%02d/a.txt", m, h), fmt.Sprintf("%d.%d\n", m, h))
		}
		d.put(fmt.Sprintf("/t/dt=2026-%02d-01/hour=__HIVE_DEFAULT_PARTITION__/a.txt", m), fmt.Sprintf("%d.null\n", m))
	}
}

// dated are lines with the columns of months.
var dated = columnar.NewSchema(
	columnar.Field{Name: "value", Type: columnar.StringType},
	columnar.Field{Name: "dt", Type: columnar.DateType},
	columnar.Field{Name: "hour", Type: columnar.Type{Kind: columnar.Int8}, Nullable: true},
)

func TestPruning(t *testing.T) {
	d := newDisk(t)
	months(d)
	dt, hour := expr.Col("dt"), expr.Col("hour")
	tests := []struct {
		filter  expr.Expr
		want    []string
		folders int // listed by the enumerator when Discover did not list
	}{
		{dt.Eq("2026-03-01"), []string{"3.0", "3.1", "3.2", "3.null"}, 1 + 1 + 4},
		{dt.Ge("2026-11-15").And(hour.Eq(1)), []string{"12.1"}, 1 + 1 + 1},
		{dt.Eq("2026-03-01").And(hour.IsNull()), []string{"3.null"}, 3},
		{hour.Gt(5), nil, 1 + 12},
		{dt.In("2026-01-01", "2026-02-01").And(expr.Col("value").Eq("x")).And(hour.Lt(1)), []string{"1.0", "2.0"}, 1 + 2 + 2},
	}
	for _, tt := range tests {
		t.Run(tt.filter.String(), func(t *testing.T) {
			counted := &counting{FileSystem: d.FileSystem}
			e := &engine{t: t, env: env(resolver(counted), "r1"), src: file.Source[string]{Path: "mem://t/t", Format: text.Lines{}}}
			e.scan.Columns, e.scan.Filter = dated, tt.filter
			facts, err := e.src.Discover(t.Context(), e.env)
			if err != nil {
				t.Fatal(err)
			}
			facts.Schema = dated
			for _, listed := range []bool{true, false} {
				if !listed {
					facts.Known = nil
				}
				counted.listed = nil
				e.src = known{e.src, facts}
				got, err := e.read(false)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(sorted(tt.want), sorted(texts(got, "value"))); diff != "" {
					t.Error(diff)
				}
				if !listed && len(counted.listed) != tt.folders {
					t.Errorf("listed %d folders, want %d: %q", len(counted.listed), tt.folders, counted.listed)
				}
			}
		})
	}
}

func TestKeyOfThePathItself(t *testing.T) {
	d := newDisk(t)
	months(d)
	e := &engine{t: t, env: env(d.files(), "r1"), src: file.Source[string]{Path: "mem://t/t/dt=2026-0[12]-01", Format: text.Lines{}}}
	e.scan.Columns = columnar.NewSchema(dated.Fields[1])
	got, err := e.read(false)
	if err != nil {
		t.Fatal(err)
	}
	days := map[int32]int{}
	for _, b := range got {
		for _, day := range columnar.Values[int32](*b.Column("dt")) {
			days[day]++
		}
	}
	if diff := cmp.Diff(map[int32]int{20454: 4, 20485: 4}, days); diff != "" {
		t.Error(diff)
	}
}

func TestInferredKeys(t *testing.T) {
	d := newDisk(t)
	d.put("/t/dt=2026-01-01/n=01/s=1/a.csv", "x,dt\n1,no\n")
	d.put("/t/dt=2026-01-02/n=20/s=a%2Fb/b.csv", "x,dt\n2,no\n")
	d.put("/t/dt=__HIVE_DEFAULT_PARTITION__/n=3/s=/c.csv", "x,dt\n3,no\n")
	e := &engine{t: t, env: env(d.files(), "r1"), src: file.Source[columnar.Row]{Path: "mem://t/t", Format: csv.Format[columnar.Row]{Header: true}}}
	got, err := e.read(false)
	if err != nil {
		t.Fatal(err)
	}
	if want := "x: int64?\ndt: date?\nn: int64?\ns: string?\n"; e.scan.Columns.String() != want {
		t.Errorf("got %s, want %s", e.scan.Columns, want)
	}
	if got := texts(got, "s"); !slices.Equal(got, []string{"1", "a/b", ""}) {
		t.Errorf("got %q", got)
	}
}

func TestBadKey(t *testing.T) {
	d := newDisk(t)
	d.put("/t/dt=yesterday/a.txt", "x\n")
	e := &engine{t: t, env: env(d.files(), "r1"), src: file.Source[string]{Path: "mem://t/t", Format: text.Lines{}}}
	e.scan.Columns = dated.Select([]int{0, 1})
	_, err := e.read(false)
	if err == nil || !strings.Contains(err.Error(), "mem://t/t/dt=yesterday/a.txt: reading the folder's name dt=yesterday as dt: date") {
		t.Errorf("got %v", err)
	}
}

// TestKeysRoundTrip writes any strings as folders and reads them back.
func TestKeysRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDisk(t)
		var rows []row
		for i, k := range rapid.SliceOfN(rapid.OneOf(rapid.StringMatching(`[ -~]{0,6}`), rapid.String()), 1, 5).Draw(rt, "keys") {
			rows = append(rows, row{fmt.Sprint(i), int32(i % 2), k})
		}
		s := file.Sink[string]{Path: "mem://t/out", Format: text.Lines{}, PartitionBy: []string{"kind", "day"}, MaxOpen: 1}
		if _, err := write(t, s, env(d.files(), "r1"), batchOf(rows...)); err != nil {
			rt.Fatal(err)
		}
		e := &engine{t: t, env: env(d.files(), "r2"), src: file.Source[string]{Path: "mem://t/out", Format: text.Lines{}}}
		e.scan.Columns = keyed
		got, err := e.read(false)
		if err != nil {
			rt.Fatal(err)
		}
		values, kinds := texts(got, "value"), texts(got, "kind")
		if len(values) != len(rows) {
			rt.Fatalf("%d rows, want %d", len(values), len(rows))
		}
		for i, v := range values {
			for _, r := range rows {
				if r.value == v && r.kind != kinds[i] {
					rt.Errorf("%q came back as %q", r.kind, kinds[i])
				}
			}
		}
	})
}

type sale struct {
	ID   int64
	Day  string
	Shop string
	Sum  float64
}

// TestFieldsByPosition writes and reads files without a header, which lack the columns that are folders.
func TestFieldsByPosition(t *testing.T) {
	d := newDisk(t)
	format := csv.Format[sale]{}
	b := columnar.NewBatchBuilder(format.Schema(), 2)
	for i := range 2 {
		columnar.AppendFixed(b.Column(0), int64(i))
		b.Column(1).AppendString(fmt.Sprint("d", i))
		b.Column(2).AppendString("s")
		columnar.AppendFixed(b.Column(3), 1.5)
	}
	b.Added(2)
	s := file.Sink[sale]{Path: "mem://t/out", Format: format, PartitionBy: []string{"day", "shop"}}
	if _, err := write(t, s, env(d.files(), "r1"), b.Finish()); err != nil {
		t.Fatal(err)
	}
	if got := d.get("/out/day=d1/shop=s/part-00000-0001-r1.csv"); got != "1,1.5\n" {
		t.Errorf("got %q", got)
	}
	e := &engine{t: t, env: env(d.files(), "r2"), src: file.Source[sale]{Path: "mem://t/out", Format: format}}
	got, err := e.read(false)
	if err != nil || !slices.Equal(texts(got, "day"), []string{"d0", "d1"}) || !slices.Equal(texts(got, "shop"), []string{"s", "s"}) {
		t.Errorf("got %v, %v", got, err)
	}
}
