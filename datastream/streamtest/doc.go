// Package streamtest tests programs of package datastream in milliseconds: what comes in, how far event time has come, where the job makes a
// checkpoint, crashes or goes on with another number of tasks is written down as a [Script], and run on the real runtime.
//
//	var script streamtest.Script
//	clicks := streamtest.NewInput[Click](&script, "clicks")
//	clicks.Emit(noon, Click{"ann", "/"})
//	clicks.Watermark(noon.Add(time.Minute)) // nothing before 12:01 will come
//	script.Checkpoint()
//	clicks.Emit(noon, Click{"ann", "/late"})
//	script.Crash() // that was for nothing, it comes again
//	script.Rescale(4)
//
//	var got *dataset.Result[Visit]
//	err := script.Run(t.Context(), func(job *plan.Job) { got = datastream.Collect(visits(clicks.Read(job))) })
//	if diff := streamtest.Diff(want, got.Records()); diff != "" { ... }
//
// [Script.Run] plays the script as it stands; [Script.Disturb] plays it again and again with a crash, or a change of the number of tasks, at
// each of its steps: a program that is right gives the same each time.
//
// # What is certain
//
// An input is one split: its records come in the order of the script, and what is late by the script is late. Checkpoint, Crash and Rescale
// come when all steps before them have gone into the job, of all inputs; at a Checkpoint and a Rescale they have also gone through it. Between
// them, how records of one input meet those of another is left to chance, as it is in life. When the script ends, the input does, and event
// time with it: all windows and event-time timers fire.
//
// Processing time is that of the machine, unless a script has a Start or a Pass: then it is the script's, and stands still but for Pass. A Pass comes
// when all before it has gone through the job, and what it makes due has happened when it is over: so windows, timers and lifetimes by processing
// time fire at their places in the script. Not waited for are answers of other systems (datastream.Async). A crash does not turn the clock back:
// what has become due meanwhile fires when the job goes on.
//
// The job is checked as one whose input does not end: what has state needs a plan.UID.
//
// [Script.Run] starts one goroutine a run, which ends with it. Stability: public, for tests.
package streamtest
