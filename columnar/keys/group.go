package keys

// Rows of keys are divided by key group, so that which task has a key can change with the number of tasks while what a group has stays together.
// The construction is Flink's (1.2, KeyGroupRangeAssignment) with another hash. It is part of the format of snapshots.

// DefaultGroups is the number of key groups when nothing asks for another: the most tasks a keyed stage can have.
const DefaultGroups = 1024

// Group returns the key group of a hash, of groups in all, a power of two: the hash's low bits.
func Group(hash uint64, groups int) int { return int(hash & uint64(groups-1)) }

// GroupTask returns which of so many tasks, at most groups, has a key group.
func GroupTask(group, tasks, groups int) int { return group * tasks / groups }

// GroupsOf returns the key groups of a task: from up to but not including to. Together the tasks have all, each once.
func GroupsOf(task, tasks, groups int) (from, to int) {
	return (task*groups + tasks - 1) / tasks, ((task+1)*groups + tasks - 1) / tasks
}
