package checkpoint

// Part is one operator's state in one task.
type Part struct {
	UID string `json:"uid"`
}
