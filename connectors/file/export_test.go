package file

// SetRollSize changes a writer's Rolling.Size.
func (w *writer) SetRollSize(n int64) { w.roll.Size = n }
