package main

import (
	"errors"
	"fmt"
	"os/exec"

	"golang.org/x/sys/unix"
)

// start starts the engine. With apart the calling thread, which has to be locked, keeps one processor and the engine gets the others: a process has
// the processors of the thread that starts it.
func start(engine *exec.Cmd, apart bool) error {
	if !apart {
		return engine.Start()
	}
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return fmt.Errorf("asking for the processors: %w", err)
	}
	if all.Count() < 2 {
		return errors.New("there is only one processor: none can be left to the sender")
	}
	mine, others := split(all)
	if err := unix.SchedSetaffinity(0, &others); err != nil {
		return fmt.Errorf("leaving a processor: %w", err)
	}
	if err := engine.Start(); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, &mine); err != nil {
		return fmt.Errorf("taking a processor: %w", err)
	}
	return nil
}

// split returns the last processor and the others.
func split(all unix.CPUSet) (last, others unix.CPUSet) {
	others = all
	for cpu := len(all)*64 - 1; cpu >= 0; cpu-- {
		if all.IsSet(cpu) {
			last.Set(cpu)
			others.Clear(cpu)
			break
		}
	}
	return last, others
}
