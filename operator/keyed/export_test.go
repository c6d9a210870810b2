package keyed

// Keys returns of how many keys an operator has state.
func Keys(o *Operator) int64 { return o.runner.Keys() }
