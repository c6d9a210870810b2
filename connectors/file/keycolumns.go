package file

import (
	"slices"

	"github.com/millrace/millrace/columnar"
)

// keyColumns puts the columns that come from folders' names among those that come from the file.
type keyColumns struct {
	wanted *columnar.Schema // nil: the file's, then the keys as strings
	files  *columnar.Schema // what to ask of the file; nil: all
	keys   []key
	places []int // by wanted column: its column in the file's batch, or -1-i for keys[i]
}

func newKeyColumns(wanted *columnar.Schema, keys []key) *keyColumns {
	k := &keyColumns{wanted: wanted, keys: keys}
	if wanted == nil || len(keys) == 0 {
		k.files = wanted
		return k
	}
	var fields []columnar.Field
	for _, f := range wanted.Fields {
		if i := slices.IndexFunc(keys, func(k key) bool { return k.Name == f.Name }); i >= 0 {
			k.places = append(k.places, -1-i)
			continue
		}
		k.places = append(k.places, len(fields))
		fields = append(fields, f)
	}
	k.files = columnar.NewSchema(fields...)
	if len(fields) == len(wanted.Fields) {
		k.files, k.places = wanted, nil
	}
	return k
}

// add returns the batch of the wanted columns.
func (k *keyColumns) add(b columnar.Batch) (columnar.Batch, error) {
	if k.places == nil {
		return b, nil
	}
	out := b
	out.Schema, out.Columns = k.wanted, make([]columnar.Column, len(k.places))
	for i, p := range k.places {
		if p >= 0 {
			out.Columns[i] = b.Columns[p]
			continue
		}
		c, err := keyColumn(k.keys[-1-p], k.wanted.Fields[i], b.Len)
		if err != nil {
			return out, err
		}
		out.Columns[i] = c
	}
	return out, nil
}
