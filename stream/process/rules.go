package process

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/columnar/codec"
	"github.com/millrace/millrace/state"
)

// Rules is a table of V by K that every task has in full: a field of a BroadcastProcessor, filled by its OnBroadcast and read by its OnRecord.
//
//	Limits process.Rules[string, Limit] `broadcast:"limits"`
//
// Without a tag its name is that of the field in lower case. It is held in memory, and goes into every snapshot.
type Rules[K comparable, V any] struct {
	entries  []rule[K, V]
	index    map[K]int
	writable *bool // OnBroadcast is running
	err      func(error)
}

type rule[K comparable, V any] struct {
	key   K
	value V
}

// Get returns the rule of a key.
func (r *Rules[K, V]) Get(key K) (value V, ok bool) {
	i, ok := r.index[key]
	if !ok {
		return value, false
	}
	return r.entries[i].value, true
}

// All yields all rules, in the order in which their keys were put first; it is the same in all tasks. The rules must not be changed in the loop.
func (r *Rules[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for i := range r.entries {
			if !yield(r.entries[i].key, r.entries[i].value) {
				return
			}
		}
	}
}

// Len returns the number of rules.
func (r *Rules[K, V]) Len() int { return len(r.entries) }

var errReadOnly = errors.New("rules can only be changed in OnBroadcast: the tasks' tables would differ")

// Put sets the rule of a key. Only OnBroadcast may call it; elsewhere it ends the job.
func (r *Rules[K, V]) Put(key K, value V) {
	if !*r.writable {
		r.err(errReadOnly)
		return
	}
	r.put(key, value)
}

func (r *Rules[K, V]) put(key K, value V) {
	if i, ok := r.index[key]; ok {
		r.entries[i].value = value
		return
	}
	r.index[key] = len(r.entries)
	r.entries = append(r.entries, rule[K, V]{key, value})
}

// Delete removes the rule of a key, in a time that grows with the number of rules. Only OnBroadcast may call it; elsewhere it ends the job.
func (r *Rules[K, V]) Delete(key K) {
	if !*r.writable {
		r.err(errReadOnly)
		return
	}
	at, ok := r.index[key]
	if !ok {
		return
	}
	r.entries = append(r.entries[:at], r.entries[at+1:]...)
	delete(r.index, key)
	for i := at; i < len(r.entries); i++ {
		r.index[r.entries[i].key] = i
	}
}

// ruleTable is a Rules field of a processor, its types hidden.
type ruleTable interface {
	bind(writable *bool, err func(error))
	describe(t *state.Table) error
	// freeze returns the rules as rows of the table.
	freeze(schema *columnar.Schema) (columnar.Batch, error)
	restore(t state.Table, b columnar.Batch) error
}

func (r *Rules[K, V]) bind(writable *bool, err func(error)) {
	r.writable, r.err, r.index = writable, err, map[K]int{}
}

func (r *Rules[K, V]) describe(t *state.Table) error {
	if err := codec.CheckKey[K](); err != nil {
		return err
	}
	keys, err := codec.Of[K]()
	if err != nil {
		return err
	}
	values, err := codec.Of[V]()
	if err != nil {
		return err
	}
	if values.Schema() == nil {
		return errors.New("values of type columnar.Row have no columns that are known")
	}
	t.Kind, t.Distribution = "map", state.Broadcast
	t.Namespace, t.Values = prefixed("key.", keys.Schema()), values.Schema().Fields
	return nil
}

// prefixed returns the fields under other names, so that those of keys and values differ.
func prefixed(by string, s *columnar.Schema) []columnar.Field {
	out := make([]columnar.Field, len(s.Fields))
	for i, f := range s.Fields {
		f.Name = by + f.Name
		out[i] = f
	}
	return out
}

func (r *Rules[K, V]) freeze(schema *columnar.Schema) (columnar.Batch, error) {
	keys, err := codec.Of[K]()
	if err != nil {
		return columnar.Batch{}, err
	}
	values, err := codec.Of[V]()
	if err != nil {
		return columnar.Batch{}, err
	}
	k, v := keys.Encoder(), values.Encoder()
	for i := range r.entries {
		k.Append(r.entries[i].key)
		v.Append(r.entries[i].value)
	}
	columns, err := k.Finish()
	if err != nil {
		return columnar.Batch{}, err
	}
	more, err := v.Finish()
	return columnar.Batch{Schema: schema, Columns: append(columns, more...), Len: len(r.entries)}, err
}

func (r *Rules[K, V]) restore(t state.Table, b columnar.Batch) error {
	keys, err := rowsOf[K](b, 0, len(t.Namespace))
	if err != nil {
		return err
	}
	values, err := rowsOf[V](b, len(t.Namespace), len(t.Values))
	if err != nil {
		return err
	}
	for i := range keys {
		r.put(keys[i], values[i])
	}
	return nil
}

// rowsOf decodes n columns of a batch, from the one at from on, which are those of T under whatever names.
func rowsOf[T any](b columnar.Batch, from, n int) ([]T, error) {
	c, err := codec.Of[T]()
	if err != nil {
		return nil, err
	}
	d, err := c.Decoder(c.Schema())
	if err != nil {
		return nil, err
	}
	b.Schema, b.Columns = c.Schema(), b.Columns[from:from+n]
	return d.Decode(b, nil)
}

var ruleTableType = reflect.TypeFor[ruleTable]()

// ruleTables returns the Rules fields of the struct that p points to, and what they are called.
func ruleTables(p any) (tables []ruleTable, described []state.Table, err error) {
	v := reflect.ValueOf(p)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, nil, nil
	}
	for i := range v.Elem().NumField() {
		f := v.Elem().Type().Field(i)
		if !reflect.PointerTo(f.Type).Implements(ruleTableType) {
			continue
		}
		if !f.IsExported() {
			return nil, nil, fmt.Errorf("the field %s of %T is not exported, so that it cannot be filled", f.Name, p)
		}
		table := state.Table{Name: f.Tag.Get("broadcast")}
		if table.Name == "" {
			table.Name = strings.ToLower(f.Name)
		}
		rules := v.Elem().Field(i).Addr().Interface().(ruleTable)
		if err := rules.describe(&table); err != nil {
			return nil, nil, fmt.Errorf("the field %s of %T: %w", f.Name, p, err)
		}
		tables, described = append(tables, rules), append(described, table)
	}
	return tables, described, nil
}
