package dataset

import (
	"github.com/millrace/millrace/plan"
)

// Summary is an aggregate of columns: a function ("count", "sum", "min", "max", "avg", ... as agg.Builtin lists them), the columns it reads,
// and the name of the column it makes.
type Summary = plan.NamedCall

// SumOf adds a column up, in a column of the name as.
func SumOf(column, as string) Summary {
	return Summary{Function: "sum", Columns: []string{column}, As: as}
}

// AvgOf is a column's mean.
func AvgOf(column, as string) Summary {
	return Summary{Function: "avg", Columns: []string{column}, As: as}
}

// MinOf is a column's least value.
func MinOf(column, as string) Summary {
	return Summary{Function: "min", Columns: []string{column}, As: as}
}

// MaxOf is a column's greatest value.
func MaxOf(column, as string) Summary {
	return Summary{Function: "max", Columns: []string{column}, As: as}
}

// CountOf counts a column's values that are not null.
func CountOf(column, as string) Summary {
	return Summary{Function: "count", Columns: []string{column}, As: as}
}

// CountRows counts records.
func CountRows(as string) Summary { return Summary{Function: "count", As: as} }

// SummarizeColumns groups by columns and aggregates columns, without any function of the user's: the fastest way, and the one for records
// whose type is known only at run time. Without keys the result is one record. The columns are those of Out: the keys, then the aggregates.
func SummarizeColumns[Out, In any](d DataSet[In], keys []string, summaries ...Summary) DataSet[Out] {
	return DataSet[Out]{d.job, d.job.Add(plan.Summarize{Keys: keys, Calls: summaries}, []*plan.Node{d.node})}
}
