package keys

// Rows of keys are divided by key group, so that which task has a key can change with the number of tasks while what a group has stays together.
// The construction is Flink's (1.2, KeyGroupRangeAssignment) with another hash. It is part of the format of snapshots.

// Group returns the key group of a hash, of groups in all, a power of two: the hash's low bits.
func Group(hash uint64, groups int) int { return int(hash & uint64(groups-1)) }

// GroupsOf returns the key groups of one of so many tasks, at most groups: from up to but not including to. Together the tasks have all, each
// once: group g is task g * tasks / groups's.
func GroupsOf(task, tasks, groups int) (from, to int) {
	return (task*groups + tasks - 1) / tasks, ((task+1)*groups + tasks - 1) / tasks
}
