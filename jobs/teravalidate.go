package jobs

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/millrace/millrace/connectors/file"
	"github.com/millrace/millrace/connectors/onbad"
	"github.com/millrace/millrace/dataset"
	"github.com/millrace/millrace/plan"
)

// TeraValidate checks files of sorted records as valsort does: that keys ascend within each file and over the files in the order of their
// paths. It gives the number of records, the sum of their CRC-32 (the same before and after a sort), and how many have the same key as the
// one before. It fails when they are not in order, or not what Records and Checksum say.
type TeraValidate struct {
	In, Out  string
	AnyOrder bool   // only sum up: for what is to be sorted
	Records  int64  // that there must be; negative: any number
	Checksum string // that there must be, hexadecimal; "": any
	Mode     file.Mode
}

// Flags implements runner.Job.
func (v *TeraValidate) Flags(f *flag.FlagSet) {
	f.StringVar(&v.In, "in", v.In, "files of records: `path`, glob or folder")
	f.StringVar(&v.Out, "out", v.Out, "output `folder`, for the report; none: it is printed")
	f.BoolVar(&v.AnyOrder, "any-order", v.AnyOrder, "count and sum up only: for files that are to be sorted")
	f.Int64Var(&v.Records, "records", v.Records, "fail unless there are so many records; -1: any `number`")
	f.StringVar(&v.Checksum, "checksum", v.Checksum, "fail unless the sum is that, `hexadecimal`")
	f.Var(&v.Mode, "mode", "what becomes of data in the output folder: error, append, overwrite")
}

// Validate reports parameters that cannot work.
func (v *TeraValidate) Validate() error {
	return needed(param{"in", v.In})
}

// Build implements runner.Job. Each range of a file becomes one record, and those are few.
func (v *TeraValidate) Build(job *plan.Job) {
	ranges := dataset.Read(job, file.Source[teraRange]{Path: v.In, Format: teraRanges{}})
	together := dataset.GroupBy(ranges, func(teraRange) bool { return true })
	reports := dataset.ReduceGroup(together, func(_ bool, all iter.Seq[teraRange]) iter.Seq[teraReport] {
		return func(yield func(teraReport) bool) { yield(joinRanges(slices.Collect(all))) }
	})
	checked := dataset.Parse(reports, v.check, onbad.Fail())
	write(dataset.FlatMap(checked, teraReport.lines), v.Out, v.Mode, 1)
}

// teraReport is what is known of all files.
type teraReport struct {
	Records, Unordered, Duplicates int64
	Checksum                       uint64
	Where                          string // of the first record out of order
}

// joinRanges puts the ranges of all files together.
func joinRanges(all []teraRange) (r teraReport) {
	slices.SortFunc(all, func(a, b teraRange) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset)) })
	for i, part := range all {
		if i > 0 {
			before := all[i-1].Last
			switch c := bytes.Compare(before[:], part.First[:]); {
			case c == 0:
				r.Duplicates++
			case c > 0:
				part.Unordered++
				part.Where = part.Offset
			}
		}
		if part.Unordered > 0 && r.Where == "" {
			r.Where = part.File + " at byte " + strconv.FormatInt(part.Where, 10)
		}
		r.Records += part.Records
		r.Unordered += part.Unordered
		r.Duplicates += part.Duplicates
		r.Checksum += part.Checksum
	}
	return r
}

// check returns the report, or why the files are not as they should be.
func (v *TeraValidate) check(r teraReport) (teraReport, error) {
	switch {
	case !v.AnyOrder && r.Unordered > 0:
		return r, fmt.Errorf("%d of %d records are out of order, the first in %s", r.Unordered, r.Records, r.Where)
	case v.Records >= 0 && r.Records != v.Records:
		return r, fmt.Errorf("there are %d records, not %d", r.Records, v.Records)
	case v.Checksum != "" && v.Checksum != strconv.FormatUint(r.Checksum, 16):
		return r, fmt.Errorf("the checksum is %x, not %s", r.Checksum, v.Checksum)
	default:
		return r, nil
	}
}

// lines prints the report as valsort does.
func (r teraReport) lines() iter.Seq[string] {
	return slices.Values([]string{
		fmt.Sprintf("Records: %d", r.Records), fmt.Sprintf("Checksum: %x", r.Checksum), fmt.Sprintf("Duplicate keys: %d", r.Duplicates),
	})
}
