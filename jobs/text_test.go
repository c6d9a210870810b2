package jobs_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/jobs"
)

// prose is lines of words from a fixed seed.
func prose(n int) []string {
	r := rand.New(rand.NewPCG(4, 4))
	words := []string{"Mill", "mill", "race", "water", "WHEEL", "wheel", "stone", "flour", "grain", "ö"}
	out := make([]string, n)
	for i := range out {
		for range r.IntN(9) {
			out[i] += words[r.IntN(len(words))] + strings.Repeat(" ", 1+r.IntN(2))
		}
	}
	return out
}

// books writes the lines into a plain and a compressed file of a folder.
func books(t *testing.T, all []string) string {
	t.Helper()
	dir := t.TempDir()
	half := len(all) / 2
	put(t, dir, "a.txt", strings.Join(all[:half], "\n")+"\n")
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	fmt.Fprint(w, strings.Join(all[half:], "\n")+"\n")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "more/b.txt.gz", packed.String())
	return dir
}

func TestWordCount(t *testing.T) {
	all := prose(3000)
	in := books(t, all)
	for _, exact := range []bool{false, true} {
		counts := map[string]int{}
		for _, line := range all {
			for w := range strings.FieldsSeq(line) {
				if !exact {
					w = strings.ToLower(w)
				}
				counts[w]++
			}
		}
		var want []string
		for w, n := range counts {
			want = append(want, fmt.Sprintf("%s,%d", w, n))
		}
		slices.Sort(want)
		for name, o := range settings(t) {
			t.Run(name, func(t *testing.T) {
				out := t.TempDir()
				run(t, &jobs.WordCount{In: in, Out: out, Exact: exact, Files: 1}, o)
				if diff := gocmp.Diff(want, lines(t, out)); diff != "" {
					t.Errorf("counts differ (-want +got):\n%s", diff)
				}
				if n := len(files(t, out)); n != 1 {
					t.Errorf("%d files", n)
				}
			})
		}
	}
}

func TestGrep(t *testing.T) {
	all := prose(3000)
	in := books(t, all)
	for name, c := range map[string]struct {
		job  jobs.Grep
		want string
	}{
		"plain":   {jobs.Grep{Pattern: `mill +race`}, `mill +race`},
		"case":    {jobs.Grep{Pattern: `mill +race`, IgnoreCase: true}, `(?i)mill +race`},
		"invert":  {jobs.Grep{Pattern: `^wheel`, Invert: true}, `^wheel`},
		"nothing": {jobs.Grep{Pattern: `xyz`}, `xyz`},
	} {
		var want []string
		for _, line := range all {
			if regexp.MustCompile(c.want).MatchString(line) != c.job.Invert {
				want = append(want, line)
			}
		}
		slices.Sort(want)
		t.Run(name, func(t *testing.T) {
			for name, o := range settings(t) {
				t.Run(name, func(t *testing.T) {
					job := c.job
					job.In, job.Out = in, t.TempDir()
					run(t, &job, o)
					if diff := gocmp.Diff(want, lines(t, job.Out)); diff != "" {
						t.Errorf("lines differ (-want +got):\n%s", diff)
					}
					job.Count, job.Out = true, t.TempDir()
					run(t, &job, o)
					if got := content(t, job.Out); got != strconv.Itoa(len(want))+"\n" {
						t.Errorf("count %q, want %d", got, len(want))
					}
				})
			}
		})
	}
	fails(t, &jobs.Grep{Pattern: "(", In: in, Out: t.TempDir()}, "missing closing )")
}

func TestPageRank(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	links := map[[2]string]bool{}
	text := []string{"# a web"}
	for range 400 {
		l := [2]string{fmt.Sprintf("p%d", r.IntN(60)), fmt.Sprintf("p%d", r.IntN(80))}
		links[l] = true
		text = append(text, l[0]+"\t"+l[1])
	}
	dir := t.TempDir()
	put(t, dir, "links.txt", strings.Join(text, "\n")+"\n")
	want := rank(links, 4, 0.85)
	for name, o := range settings(t) {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			run(t, &jobs.PageRank{In: dir, Out: out, Iterations: 4, Damping: 0.85}, o)
			got := map[string]float64{}
			for _, line := range lines(t, out) {
				page, value, _ := strings.Cut(line, ",")
				f, err := strconv.ParseFloat(value, 64)
				if err != nil {
					t.Fatal(err)
				}
				got[page] = f
			}
			if len(got) != len(want) {
				t.Fatalf("%d pages, want %d", len(got), len(want))
			}
			sum := 0.0
			for _, x := range got {
				sum += x
			}
			if math.Abs(sum-float64(len(want))) > 1e-6 {
				t.Errorf("the ranks of %d pages are %v together", len(want), sum)
			}
			for page, x := range want {
				if math.Abs(got[page]-x) > 1e-9 {
					t.Errorf("%s has the rank %v, want %v", page, got[page], x)
				}
			}
		})
	}
	put(t, dir, "links.txt", "a b\na b c\n")
	fails(t, &jobs.PageRank{In: dir, Out: t.TempDir(), Iterations: 1}, "a link is two names", "a b c", "pagerank.go:")
	fails(t, &jobs.PageRank{In: dir, Out: t.TempDir()}, "0 iterations")
}

// rank is PageRank in the simplest way: a page without links is one that links to all.
func rank(links map[[2]string]bool, iterations int, damping float64) map[string]float64 {
	degree := map[string]float64{}
	ranks := map[string]float64{}
	for l := range links {
		degree[l[0]]++
		ranks[l[0]], ranks[l[1]] = 1, 1
	}
	for range iterations {
		given := map[string]float64{}
		for l := range links {
			given[l[1]] += ranks[l[0]] / degree[l[0]]
		}
		for loose := range ranks {
			for page := range ranks {
				if degree[loose] == 0 {
					given[page] += ranks[loose] / float64(len(ranks))
				}
			}
		}
		for page := range maps.Clone(ranks) {
			ranks[page] = 1 - damping + damping*given[page]
		}
	}
	return ranks
}
