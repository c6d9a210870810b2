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
// with # are comments. Every page begins with the rank 1; in each iteration it gives its rank in equal parts to the pages it links to, or to
// all pages when it links to none, and a page's new rank is 1-Damping and Damping times what it was given (Brin and Page 1998; Langville and
// Meyer 2004, section 3, of pages without links). So the sum of all ranks stays the number of pages. The iterations are unrolled: each is two
// joins and two aggregates in the plan.
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

// page is a page in the middle of the computation.
type page struct {
	Name  string
	Links int64 // how many it has
	Rank  float64
}

// web is what all pages have together.
type web struct {
	Pages int64
	Loose float64 // the rank of the pages without links
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
	names := dataset.Distinct(dataset.FlatMap(links, func(l pageLink) iter.Seq[string] { return slices.Values([]string{l.From, l.To}) }))
	pages := dataset.LeftJoin(names, degrees, itself, func(d dataset.Keyed[string, int64]) string { return d.Key },
		func(name string, links *dataset.Keyed[string, int64]) page {
			if links == nil {
				return page{name, 0, 1}
			}
			return page{name, links.Value, 1}
		})
	for range p.Iterations {
		pages = p.iterate(pages, links)
	}
	ranks := dataset.Map(pages, func(p page) Rank { return Rank{p.Name, p.Rank} })
	dataset.Write(ranks, file.Sink[Rank]{Path: p.Out, Format: csv.Format[Rank]{}, Mode: p.Mode, Files: p.Files})
}

// iterate adds one computation of all ranks.
func (p *PageRank) iterate(pages dataset.DataSet[page], links dataset.DataSet[pageLink]) dataset.DataSet[page] {
	name := func(p page) string { return p.Name }
	given := dataset.Join(links, pages, func(l pageLink) string { return l.From }, name,
		func(l pageLink, p page) Rank { return Rank{l.To, p.Rank / float64(p.Links)} })
	sums := dataset.Aggregate(dataset.GroupBy(given, func(r Rank) string { return r.Page }), agg.Sum(func(r Rank) float64 { return r.Rank }),
		func(page string, sum float64) Rank { return Rank{page, sum} })
	all := dataset.Summarize(dataset.All(pages), func(struct{}, *web) {},
		agg.Into(func(w *web) *int64 { return &w.Pages }, agg.Count[page]()),
		agg.Into(func(w *web) *float64 { return &w.Loose }, agg.Sum(loose)))
	got := dataset.LeftJoin(pages, sums, name, func(r Rank) string { return r.Page }, func(p page, sum *Rank) page {
		if p.Rank = 0; sum != nil {
			p.Rank = sum.Rank
		}
		return p
	})
	damping := p.Damping
	return dataset.WithBroadcast(got, all, func(p page, all []web) page {
		p.Rank = 1 - damping + damping*(p.Rank+all[0].Loose/float64(all[0].Pages))
		return p
	})
}

// loose returns the rank that a page has no link to give to.
func loose(p page) float64 {
	if p.Links > 0 {
		return 0
	}
	return p.Rank
}

func itself(name string) string { return name }

func isLink(line string) bool { return strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") }

func parseLink(line string) (pageLink, error) {
	words := strings.Fields(line)
	if len(words) != 2 {
		return pageLink{}, errors.New("a link is two names with blanks between")
	}
	return pageLink{words[0], words[1]}, nil
}
