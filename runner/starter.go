package runner

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/runner/status"
)

// StarterVariable is set in the environment of a job that is to go to the background: it names the file descriptor of a pipe to the command that
// starts it, on which the job sends a Started when it runs or has ended. Until it has a log it says on the command's stderr what is wrong.
const StarterVariable = variablePrefix + "STARTER"

// Started is what a job in the background tells the command that started it.
type Started struct {
	Name  string       `json:"name"`
	RunID string       `json:"run_id"`
	PID   int          `json:"pid"`
	Log   string       `json:"log"`
	State status.State `json:"state"` // Running, or an end
	Error string       `json:"error,omitempty"`
}

// starter is the pipe to the command that started the job.
type starter struct{ pipe *os.File }

// takeStarter returns the command that waits for this process to run a job, nil if none does. Processes that this one starts are not told.
func takeStarter() (*starter, error) {
	text, ok := os.LookupEnv(StarterVariable)
	if !ok {
		return nil, nil //nolint:nilnil // most processes have none
	}
	fd, err := strconv.Atoi(text)
	if err != nil || fd <= 2 {
		return nil, &UsageError{fmt.Errorf("%s=%q is for millrace submit --detach alone", StarterVariable, text)}
	}
	if err := os.Unsetenv(StarterVariable); err != nil {
		return nil, err
	}
	unix.CloseOnExec(fd)
	return &starter{os.NewFile(uintptr(fd), "starter")}, nil
}

// tell sends the first word, and nothing after it.
func (s *starter) tell(m Started) {
	if s == nil || s.pipe == nil {
		return
	}
	text, err := json.Marshal(m)
	if err == nil {
		_, _ = s.pipe.Write(text) // a command that is gone need not know
	}
	_ = s.pipe.Close() // as above
	s.pipe = nil
}
