package checkpoint

import "errors"

// ErrFenced says that a newer incarnation of the job has taken the checkpoint folder over. This one must end.
var ErrFenced = errors.New("another incarnation of the job has taken over")
