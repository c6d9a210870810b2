package runner

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// newRunID returns a name for a run: unique, and sorted by time.
func newRunID(now time.Time) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return now.UTC().Format(runIDTime) + "-" + hex.EncodeToString(b[:])
}

// runIDTime is the beginning of a run's id.
const runIDTime = "20060102-150405.000"

// fallbackMemory is what a process may use where nothing says what there is.
const fallbackMemory = 1 << 30

// defaultMemory is half of what the control group, or else the machine, has.
func defaultMemory() int64 {
	total := int64(fallbackMemory)
	if n, ok := machineMemory(); ok {
		total = n
	}
	if n, ok := groupMemory(); ok && n < total {
		total = n
	}
	return total / 2
}

func groupMemory() (int64, bool) {
	data, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}

func machineMemory() (int64, bool) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "MemTotal:" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n << 10, err == nil
		}
	}
	return 0, false
}

// filePages returns the bytes of files, such as the binary, that the process has in memory; a guess where the system does not tell.
func filePages() int64 {
	const guess = 24 << 20
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return guess
	}
	for line := range strings.Lines(string(data)) {
		var kilobytes int64
		if n, err := fmt.Sscanf(line, "RssFile: %d kB", &kilobytes); n == 1 && err == nil {
			return kilobytes << 10
		}
	}
	return guess
}
