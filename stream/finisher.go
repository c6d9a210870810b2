package stream

// Finisher is an operator that may have enough before its inputs end, as the first rows of a sort do. The task asks after each call; once
// the answer is true it may drop what comes and end the inputs early.
type Finisher interface {
	// IsFinished says that nothing that comes will change the output any more. Once true it stays so.
	IsFinished() bool
}

// Flusher is an operator that gathers rows of several batches before it emits them. The task has it emit what there is before a watermark or a
// barrier passes, and in streams whenever the input runs dry.
type Flusher interface {
	Flush(out Output) error
}

// Keeper is a Flusher that does not mind all marks: what it gathers may come behind some of them, because whoever takes it judges it the same.
type Keeper interface {
	Flusher
	// Keeps is asked of a watermark, or an idle mark, before it passes. True: Flush is not called for it. A Timed operator is told of the
	// watermark next, and may emit then what has to be before it. Barriers are not asked about.
	Keeps(m Mark) bool
}
