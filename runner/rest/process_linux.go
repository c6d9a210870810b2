package rest

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// processStart returns what tells a process from all others that have or had its number on this machine: the machine's boot and the tick in it
// at which the process started (proc_pid_stat(5), field 22). "": there is no such process.
func processStart(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, ok := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" ")) // the name before may have blanks and brackets in it
	fields := bytes.Fields(rest)
	const state, start = 0, 19 // of the fields behind the name
	if !ok || len(fields) <= start || bytes.ContainsAny(fields[state], "ZX") {
		return "" // a zombie has ended; nobody has asked how
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + string(fields[start])
}
