package metrics

import "sync/atomic"

// Function is what one of the user's functions has given that an operator runs together with others.
type Function struct {
	Name    string `json:"name"` // of the user's node, with its call site
	RowsOut int64  `json:"rows_out"`
}

// functions are those of one operator, in the order in which records pass them.
type functions struct {
	names []string
	rows  []atomic.Int64
}

// Declare says which of the user's functions the operator runs; once, before the first SetFunctions.
func (s *Set) Declare(names []string) {
	s.functions.Store(&functions{names: names, rows: make([]atomic.Int64, len(names))})
}

// SetFunctions says how many records each function declared has given so far.
func (s *Set) SetFunctions(rows []int64) {
	f := s.functions.Load()
	for i, n := range rows {
		f.rows[i].Store(n)
	}
}

// values reads what the functions have given; f may be nil.
func (f *functions) values() []Function {
	if f == nil {
		return nil
	}
	out := make([]Function, len(f.names))
	for i, name := range f.names {
		out[i] = Function{name, f.rows[i].Load()}
	}
	return out
}

// addFunctions adds what the same functions gave in another task.
func addFunctions(sum, more []Function) []Function {
	if sum == nil {
		return append(sum, more...)
	}
	for i := range more {
		sum[i].RowsOut += more[i].RowsOut
	}
	return sum
}
