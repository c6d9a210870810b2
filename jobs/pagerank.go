package jobs

import (
	"errors"
	"flag"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar/agg"
	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/formats/csv"
	"github.com/millrace/millrace/formats/text"
	"github.com/millrace/millrace/plan"
)

// PageRank ranks the pages of a web by the links to them. A line is a link: the page it is on, blanks, the page it leads to; lines that begin
// with # are comments. Every page begins with the rank 1; in each iteration it gives its rank in equal parts to the pages it links to, and a
// page's new rank is 1-Damping and Damping times what it was given (Brin and Page 1998). The rank of pages without links is lost. The
// iterations are unrolled: each is two joins and an aggregate in the plan.
type PageRank struct {
	In, Out    string
	Iterations int
	Damping    float64
	Files      int
	Mode       file.Mode
}

// Rank is a page and its rank.
type Rank struct {
	Page string
	Rank float64
}

type pageLink struct{ From, To string }

// share is a link with the part of its page's rank that goes over it.
type share struct {
	From, To string
	Part     float64
}

// Flags implements runner.Job.
func (p *PageRank) Flags(f *flag.FlagSet) {
	f.StringVar(&p.In, "in", p.In, "text files of links, two names a line: `path`, glob or folder")
	f.StringVar(&p.Out, "out", p.Out, "output `folder`, for files of page,rank")
	f.IntVar(&p.Iterations, "iterations", p.Iterations, "how often ranks are computed anew")
	f.Float64Var(&p.Damping, "damping", p.Damping, "the share of a rank that is given on")
	f.IntVar(&p.Files, "files", p.Files, "write at most so many files; 0: one a task")
	f.Var(&p.Mode, "mode", "what becomes of data in the output folder: error, append, overwrite")
}

// Validate reports parameters that cannot work.
func (p *PageRank) Validate() error {
	return needed(param{"in", p.In}, param{"out", p.Out})
}

// Build implements runner.Job.
func (p *PageRank) Build(job *plan.Job) {
	if p.Iterations < 1 || p.Iterations > 100 || p.Damping < 0 || p.Damping > 1 {
		job.Fail("pagerank", fmt.Errorf("%d iterations and a damping of %v; they must be 1 to 100 and 0 to 1", p.Iterations, p.Damping))
		return
	}
	lines := dataset.Read(job, file.Source[string]{Path: p.In, Format: text.Lines{}})
	links := dataset.Distinct(dataset.Parse(dataset.Filter(lines, isLink), parseLink, onbad.Fail()))
	from := func(l pageLink) string { return l.From }
	degrees := dataset.CountByKey(dataset.GroupBy(links, from))
	shares := dataset.Join(links, degrees, from, func(d dataset.Keyed[string, int64]) string { return d.Key },
		func(l pageLink, d dataset.Keyed[string, int64]) share {
			return share{l.From, l.To, 1 / float64(d.Value)}
		})
	pages := dataset.Distinct(dataset.FlatMap(links, func(l pageLink) iter.Seq[string] { return slices.Values([]string{l.From, l.To}) }))
	ranks := dataset.Map(pages, func(page string) Rank { return Rank{page, 1} })
	for range p.Iterations {
		ranks = p.iterate(pages, shares, ranks)
	}
	dataset.Write(ranks, file.Sink[Rank]{Path: p.Out, Format: csv.Format[Rank]{}, Mode: p.Mode, Files: p.Files})
}

// iterate adds one computation of all ranks.
func (p *PageRank) iterate(pages dataset.DataSet[string], shares dataset.DataSet[share], ranks dataset.DataSet[Rank]) dataset.DataSet[Rank] {
	given := dataset.Join(shares, ranks, func(s share) string { return s.From }, func(r Rank) string { return r.Page },
		func(s share, r Rank) Rank { return Rank{s.To, s.Part * r.Rank} })
	sums := dataset.Aggregate(dataset.GroupBy(given, func(r Rank) string { return r.Page }), agg.Sum(func(r Rank) float64 { return r.Rank }),
		func(page string, sum float64) Rank { return Rank{page, sum} })
	damping := p.Damping
	return dataset.LeftJoin(pages, sums, func(page string) string { return page }, func(r Rank) string { return r.Page },
		func(page string, sum *Rank) Rank {
			if sum == nil {
				return Rank{page, 1 - damping}
			}
			return Rank{page, 1 - damping + damping*sum.Rank}
		})
}

func isLink(line string) bool { return strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") }

func parseLink(line string) (pageLink, error) {
	words := strings.Fields(line)
	if len(words) != 2 {
		return pageLink{}, errors.New("a link is two names with blanks between")
	}
	return pageLink{words[0], words[1]}, nil
}
