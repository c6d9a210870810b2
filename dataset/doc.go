// Package dataset is the typed API for bounded data: a job's program in Go.
//
//	lines := dataset.Read(job, file.Source[string]{Path: "books/", Format: text.Lines{}})
//	words := dataset.FlatMap(lines, strings.FieldsSeq)
//	counts := dataset.Aggregate(dataset.GroupBy(words, strings.ToLower), agg.Count[string](), func(w string, n int64) Count { return Count{w, n} })
//	dataset.Write(counts, file.Sink[Count]{Path: "out/", Format: csv.Format[Count]{}})
//
// A [DataSet] is lazy: functions of this package append nodes to a plan.Job, and nothing runs until the job is handed to package runner. They
// take the data set first, and most of their types are inferred. Mistakes (a key type that cannot be one, a column that does not exist)
// are collected with the line they were made on and reported together when the job is run, so that programs chain without error values.
//
// Functions given to Map and its like run on many goroutines, each on its own records; a function must not change what it captured. Records
// are values: what a function keeps of one (a slice, a pointer) it may keep, but not write through.
//
// Filters and projections given as expressions ([Where], [Select]) are visible to the optimiser, which moves them towards the source and into
// the files; functions are not.
//
// Stability: public.
package dataset
