package rows

import "github.com/millrace/millrace/columnar"

// Paned gives a record of each row of keys K, the first columns, marks M, the columns behind them, and results, the columns that follow. bind
// decodes the results of a batch and returns what makes the record of a row: row is its position in the columns. user is the user's function.
func Paned[K, M, Out any](name string, user any, bind func(results []columnar.Column) (func(row int, k K, m M) Out, error)) Stage {
	return made[Out](name, user, func(from *columnar.Schema) (head, error) {
		key, err := NewSlicer[K](from, 0)
		if err != nil {
			return nil, err
		}
		mark, err := NewSlicer[M](from, key.Width())
		if err != nil {
			return nil, err
		}
		var batch columnar.Batch
		var record func(row int, k K, m M) Out
		return &funcHead[Out]{
			prepare: func(b columnar.Batch) (err error) {
				batch = b
				if record, err = bind(b.Columns[key.Width()+mark.Width():]); err != nil {
					return err
				}
				if err := key.load(b); err != nil {
					return err
				}
				return mark.load(b)
			},
			record: func(i int) Out { return record(batch.Row(i), key.records[i], mark.records[i]) },
		}, nil
	})
}
