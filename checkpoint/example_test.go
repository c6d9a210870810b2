package checkpoint_test

import (
	"os"

	"github.com/millrace/millrace/checkpoint"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
)

// A savepoint has counts as 32-bit numbers; the new version of the job has more.
func ExampleCompare() {
	word := columnar.Field{Name: "word", Type: columnar.StringType}
	saved := state.Table{Name: "counts", Kind: "value", Keys: []columnar.Field{word}, Values: []columnar.Field{{Name: "n", Type: columnar.Int32Type}}}
	savepoint := &checkpoint.Manifest{ID: 12, Kind: checkpoint.Savepoint, Job: "words", Operators: []checkpoint.Operator{{
		UID: "count", Parallelism: 1, KeyGroups: 1024, Tables: []checkpoint.Table{{Table: saved}},
		Parts: []checkpoint.Part{{Tables: []checkpoint.Rows{{Table: "counts", Rows: 3000}}}},
	}}}
	now := saved
	now.Values = []columnar.Field{{Name: "n", Type: columnar.Int64Type}, {Name: "last", Type: columnar.TimestampType, Nullable: true}}
	c := checkpoint.Compare(savepoint, []checkpoint.Declared{{UID: "count", Tables: []state.Table{now}}, {UID: "top", Tables: []state.Table{now}}}, nil)
	_ = c.Write(os.Stdout)
	// Output:
	// savepoint 12 of words, 0001-01-01T00:00:00Z
	// migrates  count
	//           migrates  counts
	//                     values.n: widened from int32 to int64
	//                     values.last: added, timestamp
	// new       top
}
