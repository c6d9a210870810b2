package stream

// Finisher is an operator that may have enough before its inputs end, as the first rows of a sort do. The task asks after each call; once
// the answer is true it may drop what comes and end the inputs early.
type Finisher interface {
	// IsFinished says that nothing that comes will change the output any more. Once true it stays so.
	IsFinished() bool
}
