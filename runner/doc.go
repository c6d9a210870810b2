// Package runner is the front door and the composition root: it turns a program that builds a plan.Job into a run.
//
//   - [Run] runs a job embedded in a program or a test, in this process.
//   - [Main] makes a command of a job: flags, settings, progress, history, exit codes.
//
// The way of a job: build the logical graph; ask the sources what they know ([connectors.Facts]); optimise; cut into stages; start a worker;
// let the coordinator schedule and, in the end, commit. Here are the literal tables of everything that can be chosen by name: file systems
// by scheme. The local run is the production run: the same coordinator, worker and task code; only links and container providers differ.
//
// Stability: public.
package runner
