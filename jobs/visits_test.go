package jobs_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/jobs"
)

// visitsOf writes visits into two files, the second after the first, in order but for five seconds, and returns the folder and the visits in order.
func visitsOf(t *testing.T) (string, []jobs.Visit) {
	t.Helper()
	dir, r := t.TempDir(), rand.New(rand.NewPCG(8, 8))
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var all []jobs.Visit
	for i, name := range []string{"a.csv", "b.csv"} {
		var text strings.Builder
		for second := range 2000 {
			v := jobs.Visit{Name: fmt.Sprintf("user%02d", r.IntN(40)), Time: noon.Add(time.Duration(2000*i+second-r.IntN(5)) * time.Second)}
			all = append(all, v)
			fmt.Fprintf(&text, "%s,%s\n", v.Name, v.Time.Format(time.RFC3339))
		}
		put(t, dir, name, text.String())
	}
	slices.SortFunc(all, func(a, b jobs.Visit) int { return a.Time.Compare(b.Time) })
	return dir, all
}

// stamp is a time as CSV has it.
func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05Z") }

func TestSessions(t *testing.T) {
	in, all := visitsOf(t)
	const gap = 30 * time.Second
	open := map[string]*jobs.Session{}
	var want []string
	end := func(s *jobs.Session) {
		want = append(want, fmt.Sprintf("%s,%s,%s,%d", s.User, stamp(s.First), stamp(s.Last), s.Visits))
	}
	for _, v := range all {
		s := open[v.Name]
		if s != nil && v.Time.Sub(s.Last) <= gap {
			s.Last, s.Visits = v.Time, s.Visits+1
			continue
		}
		if s != nil {
			end(s)
		}
		open[v.Name] = &jobs.Session{User: v.Name, First: v.Time, Last: v.Time, Visits: 1}
	}
	for _, s := range open {
		end(s)
	}
	slices.Sort(want)
	for name, o := range settings(t) {
		for _, streaming := range []bool{false, true} {
			o.Streaming.Always = streaming
			out := t.TempDir()
			visits := jobs.Visits{In: in, Out: out, Late: 10 * time.Second}
			run(t, &jobs.Sessions{Visits: visits, Gap: gap}, o)
			if diff := gocmp.Diff(want, lines(t, out)); diff != "" {
				t.Errorf("%s, streaming %v: sessions differ (-want +got):\n%.2000s", name, streaming, diff)
			}
		}
	}
}

func TestTopN(t *testing.T) {
	in, all := visitsOf(t)
	const size, n = 5 * time.Minute, 3
	counts := map[time.Time]map[string]int{}
	for _, v := range all {
		start := v.Time.Truncate(size)
		if counts[start] == nil {
			counts[start] = map[string]int{}
		}
		counts[start][v.Name]++
	}
	var want []string
	for start, of := range counts {
		var names []string
		for name := range of {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int {
			if of[a] != of[b] {
				return of[b] - of[a]
			}
			return strings.Compare(a, b)
		})
		for i, name := range names[:min(n, len(names))] {
			want = append(want, fmt.Sprintf("%s,%d,%s,%d", stamp(start), i+1, name, of[name]))
		}
	}
	slices.Sort(want)
	for name, o := range settings(t) {
		for _, streaming := range []bool{false, true} {
			o.Streaming.Always = streaming
			out := t.TempDir()
			visits := jobs.Visits{In: in, Out: out, Late: 10 * time.Second}
			run(t, &jobs.TopN{Visits: visits, N: n, Window: size}, o)
			if diff := gocmp.Diff(want, lines(t, out)); diff != "" {
				t.Errorf("%s, streaming %v: names differ (-want +got):\n%.2000s", name, streaming, diff)
			}
		}
	}
}

func TestVisitParameters(t *testing.T) {
	in, late := jobs.Visits{In: "in", Out: "out"}, jobs.Visits{In: "in", Out: "out", Late: -1}
	for _, job := range []interface{ Validate() error }{
		&jobs.Sessions{Visits: in}, &jobs.Sessions{Gap: time.Minute}, &jobs.Sessions{Visits: late, Gap: time.Minute},
		&jobs.TopN{Visits: in, N: 0, Window: time.Minute}, &jobs.TopN{N: 1, Window: time.Minute}, &jobs.TopN{Visits: in, N: 1},
	} {
		if job.Validate() == nil {
			t.Errorf("%+v is valid", job)
		}
	}
}
