package jobs

import (
	"flag"
	"fmt"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/fixed"
	"github.com/millrace/millrace/plan"
)

// TeraRecord is a record of the sort benchmark (sortbenchmark.org): ten bytes of key, ninety of value.
type TeraRecord [100]byte

// TeraKey is what records are sorted by, bytewise.
type TeraKey [10]byte

func teraKey(r TeraRecord) TeraKey { return TeraKey(r[:10]) }

// TeraGen writes the records that gensort, and Hadoop's teragen, would write.
type TeraGen struct {
	Rows  int64
	Out   string
	First int64 // number of the first record
	ASCII bool  // printable records, as of gensort -a
	Mode  file.Mode
}

// Flags implements runner.Job.
func (g *TeraGen) Flags(f *flag.FlagSet) {
	f.Int64Var(&g.Rows, "rows", g.Rows, "`number` of records, of 100 bytes each")
	f.StringVar(&g.Out, "out", g.Out, "output `folder`")
	f.Int64Var(&g.First, "first", g.First, "`number` of the first record")
	f.BoolVar(&g.ASCII, "ascii", g.ASCII, "printable records, a line each")
	f.Var(&g.Mode, "mode", "what becomes of data in the output folder: error, append, overwrite")
}

// Validate reports parameters that cannot work.
func (g *TeraGen) Validate() error {
	return needed(param{"out", g.Out})
}

// Build implements runner.Job.
func (g *TeraGen) Build(job *plan.Job) {
	if g.Rows < 0 || g.First < 0 {
		job.Fail("teragen", fmt.Errorf("%d records from number %d on", g.Rows, g.First))
		return
	}
	first, fill := uint64(g.First), fillBinary
	if g.ASCII {
		fill = fillASCII
	}
	records := dataset.Generate(job, g.Rows, func(i int64) (r TeraRecord) {
		n := first + uint64(i)
		fill(&r, gensortRandom(n), n)
		return r
	})
	dataset.Write(records, file.Sink[TeraRecord]{Path: g.Out, Format: fixed.Records[TeraRecord]{}, Mode: g.Mode})
}
