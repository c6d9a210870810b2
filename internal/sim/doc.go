// Package sim runs whole jobs in simulation: coordinator, worker, tasks, exchanges, state, checkpoints and sinks are the real ones, in a bubble of
// testing/synctest; time is virtual, the file system is in memory, and what goes wrong is drawn from a seed.
//
//	New    the undisturbed run: what the output has to be, and how many turns, calls and messages there are
//	Try    one seed: processes follow one another until one brings the job to its end; then the output is compared
//
//	          .------------------------- bubble ---------------------------.
//	          |  process 0                                process 1        |
//	          |  coordinator <- link -> worker, tasks      ...             |
//	          |       |                     |               |              |
//	          |      disk, dies with the process           disk            |
//	          |       '----------.----------'               |              |
//	          |               vfs/mem: stays ---------------'              |
//	          '------------------------------------------------------------'
//
// A process is a call of runner.Run. It sees the file system through a disk of its own: calls take time and fail, and once the process is dead
// nothing that it still does takes effect, in the midst of a call if need be; of files that it has not closed some first bytes stay. The link carries
// what coordinator and workers say to each other: it takes its time, loses what may be lost, and can be cut, so that for the coordinator
// a host's attempts have failed while they go on writing for a while. Attempts are killed and stand still at turns of their loops. Somebody asks for
// checkpoints and savepoints, or stops the job, which goes on from the savepoint with another number of tasks. The clock of tasks jumps.
//
// Time passes only when all goroutines wait, so minutes of time-outs cost nothing, and a job that waits for nothing is found: one that has
// not ended after some hours of virtual time is a failure with the bubble's goroutines.
//
// A seed fixes what is tried, at which turn, call, message and time. In which order goroutines come to run between two waits is left to the Go
// scheduler, so a seed that fails may need a few tries to fail again; few do.
//
// internal/chaos does less of this on real disks, and for any user's job.
//
// Stability: engine-private, for tests.
package sim
