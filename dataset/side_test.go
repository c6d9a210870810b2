package dataset_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
	"github.com/millrace/millrace/runner"
)

// TestBadRecordsGoToTheirSink checks, with attempts killed, that each bad record is written to the side sink once, and the others are what
// comes out.
func TestBadRecordsGoToTheirSink(t *testing.T) {
	var want, wantBad []string
	at := func(i int64) string {
		if i%7 == 0 {
			return fmt.Sprintf("x%d", i)
		}
		return strconv.FormatInt(i, 10)
	}
	for i := range int64(100_000) {
		if i%7 == 0 {
			wantBad = append(wantBad, at(i))
		} else {
			want = append(want, at(i))
		}
	}
	for name, o := range settings(t) {
		t.Run(name, func(t *testing.T) {
			side, sink := &memorySink[onbad.Record]{}, &memorySink[int64]{}
			s, err := runner.Run(t.Context(), func(job *plan.Job) {
				dataset.WriteBad(job, "refused", side)
				numbers := dataset.Parse(dataset.Generate(job, 100_000, at), func(v string) (int64, error) {
					return strconv.ParseInt(v, 10, 64)
				}, onbad.Side("refused"))
				dataset.Write(numbers, sink)
			}, o)
			if err != nil {
				t.Fatal(err)
			}
			var got, gotBad []string
			for _, v := range sink.committed {
				got = append(got, strconv.FormatInt(v, 10))
			}
			for _, r := range side.committed {
				gotBad = append(gotBad, r.Record)
				if !strings.Contains(r.Reason, "invalid syntax") || !strings.Contains(r.Node, "side_test.go") {
					t.Fatalf("the record is %+v", r)
				}
			}
			for _, pair := range [][2][]string{{want, got}, {wantBad, gotBad}} {
				slices.SortFunc(pair[1], cmp.Compare)
				sorted := slices.Sorted(slices.Values(pair[0]))
				if diff := gocmp.Diff(sorted, pair[1]); diff != "" {
					t.Errorf("%.1000s", diff)
				}
			}
			if len(s.Bad) != 1 || s.Bad[0].Records != int64(len(wantBad)) {
				t.Errorf("the summary says %+v", s.Bad)
			}
		})
	}
}

func TestSideSinkMustExist(t *testing.T) {
	_, err := runner.Run(t.Context(), func(job *plan.Job) {
		d := dataset.Parse(dataset.FromSlice(job, []string{"1"}), strconv.Atoi, onbad.Side("nowhere"))
		dataset.Collect(d)
	})
	if err == nil || !strings.Contains(err.Error(), `"nowhere"`) || !strings.Contains(err.Error(), "side_test.go") {
		t.Errorf("error %v", err)
	}
}

// TestShareOfBadRecords checks that a share which is known only in the end keeps everything invisible when it is too large.
func TestShareOfBadRecords(t *testing.T) {
	for share, fails := range map[float64]bool{0.3: false, 0.1: true} {
		sink := &memorySink[int]{}
		_, err := runner.Run(t.Context(), func(job *plan.Job) {
			numbers := dataset.Generate(job, 1000, func(i int64) string { return strings.Repeat("x", int(i%5/4)) + "1" })
			dataset.Write(dataset.Parse(numbers, strconv.Atoi, onbad.SkipShare(share)), sink)
		})
		if (err != nil) != fails || fails != (len(sink.committed) == 0) {
			t.Errorf("share %g: error %v, %d records committed", share, err, len(sink.committed))
		}
	}
}
