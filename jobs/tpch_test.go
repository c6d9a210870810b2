package jobs_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/parquet"
	"github.com/millrace/millrace/jobs"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// The tables, with columns that no query asks for. Amounts are hundredths.
type lineItem struct {
	Order    int64     `col:"l_orderkey"`
	Number   int32     `col:"l_linenumber"`
	Quantity int64     `col:"l_quantity,decimal(15,2)"`
	Price    int64     `col:"l_extendedprice,decimal(15,2)"`
	Discount int64     `col:"l_discount,decimal(15,2)"`
	Tax      int64     `col:"l_tax,decimal(15,2)"`
	Flag     string    `col:"l_returnflag"`
	Status   string    `col:"l_linestatus"`
	Shipped  time.Time `col:"l_shipdate,date"`
	Comment  string    `col:"l_comment"`
}

type order struct {
	Key      int64     `col:"o_orderkey"`
	Customer int64     `col:"o_custkey"`
	Date     time.Time `col:"o_orderdate,date"`
	Priority int32     `col:"o_shippriority"`
	Clerk    string    `col:"o_clerk"`
}

type customer struct {
	Key     int64  `col:"c_custkey"`
	Name    string `col:"c_name"`
	Segment string `col:"c_mktsegment"`
}

type tables struct {
	lines     []lineItem
	orders    []order
	customers []customer
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func randomTables() (t tables) {
	r := rand.New(rand.NewPCG(6, 1))
	for i := range int64(200) {
		t.customers = append(t.customers, customer{i, fmt.Sprint("customer ", i), []string{"BUILDING", "MACHINERY", "FURNITURE"}[r.IntN(3)]})
	}
	for i := range int64(2000) {
		t.orders = append(t.orders, order{i * 3, r.Int64N(220), date(1995, 1, 1).AddDate(0, 0, r.IntN(150)), int32(r.IntN(3)), "clerk"})
	}
	for i := range 8000 {
		t.lines = append(t.lines, lineItem{
			Order: r.Int64N(6000), Number: int32(i % 7), Quantity: 100 * r.Int64N(51), Price: r.Int64N(10_000_000), Discount: r.Int64N(11), Tax: r.Int64N(9),
			Flag: []string{"A", "N", "R"}[r.IntN(3)], Status: []string{"F", "O"}[r.IntN(2)],
			Shipped: date(1993, 6, 1).AddDate(0, 0, r.IntN(2200)), Comment: fmt.Sprint("line ", i),
		})
	}
	return t
}

// save writes the tables as Parquet, in row groups of few rows so that some can be passed over.
func (data tables) save(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		saveTable(job, dir, "lineitem", data.lines)
		saveTable(job, dir, "orders", data.orders)
		saveTable(job, dir, "customer", data.customers)
	}, runner.Options{Parallelism: 2})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func saveTable[T any](job *plan.Job, dir, name string, rows []T) {
	sink := file.Sink[T]{Path: filepath.Join(dir, name+".parquet"), Format: parquet.Format[T]{RowGroupRows: 700}}
	dataset.Write(dataset.FromSlice(job, rows), sink)
}

// places prints n units of 10^-scale.
func places(n int64, scale int) string {
	digits := fmt.Sprintf("%0*d", scale+1, n)
	return digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

func (t tables) q1() []string {
	type sums struct{ quantity, price, discounted, charge, discount, n int64 }
	groups := map[string]*sums{}
	for _, l := range t.lines {
		if l.Shipped.After(date(1998, 9, 2)) {
			continue
		}
		key := l.Flag + "," + l.Status
		if groups[key] == nil {
			groups[key] = &sums{}
		}
		s := groups[key]
		s.n++
		s.quantity += l.Quantity
		s.price += l.Price
		s.discount += l.Discount
		s.discounted += l.Price * (100 - l.Discount)
		s.charge += l.Price * (100 - l.Discount) * (100 + l.Tax)
	}
	out := []string{"l_returnflag,l_linestatus,sum_qty,sum_base_price,sum_disc_price,sum_charge,avg_qty,avg_price,avg_disc,count_order"}
	for key, s := range groups {
		mean := func(sum int64) string {
			return strconv.FormatFloat(float64(sum)/(100*float64(s.n)), 'f', 6, 64)
		}
		out = append(out, strings.Join([]string{
			key, places(s.quantity, 2), places(s.price, 2), places(s.discounted, 4), places(s.charge, 6),
			mean(s.quantity), mean(s.price), mean(s.discount), strconv.FormatInt(s.n, 10),
		}, ","))
	}
	slices.Sort(out[1:])
	return out
}

func (t tables) q3() []string {
	day := date(1995, 3, 15)
	type row struct {
		key, revenue int64
		date         time.Time
		priority     int32
	}
	var rows []row
	for _, o := range t.orders {
		building := slices.ContainsFunc(t.customers, func(c customer) bool { return c.Key == o.Customer && c.Segment == "BUILDING" })
		if !building || !o.Date.Before(day) {
			continue
		}
		r, found := row{key: o.Key, date: o.Date, priority: o.Priority}, false
		for _, l := range t.lines {
			if l.Order == o.Key && l.Shipped.After(day) {
				r.revenue += l.Price * (100 - l.Discount)
				found = true
			}
		}
		if found {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(b.revenue, a.revenue), a.date.Compare(b.date)) })
	out := []string{"l_orderkey,revenue,o_orderdate,o_shippriority"}
	for _, r := range rows[:10] {
		out = append(out, fmt.Sprintf("%d,%s,%s,%d", r.key, places(r.revenue, 4), r.date.Format(time.DateOnly), r.priority))
	}
	return out
}

func (t tables) q6() []string {
	sum := int64(0)
	for _, l := range t.lines {
		if l.Shipped.Year() == 1994 && l.Discount >= 5 && l.Discount <= 7 && l.Quantity < 2400 {
			sum += l.Price * l.Discount
		}
	}
	return []string{"revenue", places(sum, 4)}
}

// rounded cuts the averages of query 1 to the digits that q1 prints.
func rounded(t *testing.T, rows []string) []string {
	t.Helper()
	for i, row := range rows[1:] {
		cells := strings.Split(row, ",")
		for k := 6; k < 9; k++ {
			f, err := strconv.ParseFloat(cells[k], 64)
			if err != nil {
				t.Fatal(err)
			}
			cells[k] = strconv.FormatFloat(f, 'f', 6, 64)
		}
		rows[i+1] = strings.Join(cells, ",")
	}
	return rows
}

func TestTPCH(t *testing.T) {
	data := randomTables()
	in := data.save(t)
	for query, want := range map[int][]string{1: data.q1(), 3: data.q3(), 6: data.q6()} {
		t.Run(fmt.Sprint("q", query), func(t *testing.T) {
			for name, o := range settings(t) {
				t.Run(name, func(t *testing.T) {
					out := t.TempDir()
					run(t, &jobs.TPCH{Query: query, In: in, Out: out}, o)
					got := strings.Split(strings.TrimSuffix(content(t, out), "\n"), "\n")
					if query == 1 {
						got = rounded(t, got)
					}
					if diff := gocmp.Diff(want, got); diff != "" {
						t.Errorf("rows differ (-want +got):\n%s", diff)
					}
				})
			}
		})
	}
	fails(t, &jobs.TPCH{Query: 2, In: in, Out: t.TempDir()}, "--query is 2")
}

// The filters and the choice of columns reach the reader.
func TestTPCHPushesDown(t *testing.T) {
	in := randomTables().save(t)
	_, p, err := runner.Plan(t.Context(), (&jobs.TPCH{Query: 6, In: in, Out: t.TempDir()}).Build, runner.Options{})
	if err != nil {
		t.Fatal(err)
	}
	read := p.Job.Nodes[0].Op.(plan.Read)
	if text := read.Scan.Filter.String(); !strings.Contains(text, "l_shipdate") || !strings.Contains(text, "l_discount") {
		t.Errorf("the filter of the source is %q", text)
	}
	if names := p.Job.Nodes[0].Schema.Names(); len(names) != 4 {
		t.Errorf("columns read: %v", names)
	}
}
