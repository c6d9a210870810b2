package worker

import (
	"fmt"
	"sync"

	"github.com/millrace/millrace/internal/budget"
	"github.com/millrace/millrace/plan/physical"
)

// commons is what operators at one place of the plan have in common. The zero commons is empty. A mutex guards it.
type commons struct {
	mu   sync.Mutex
	made map[Place]any
	held []*budget.Account
}

// at returns the function that gives a place what its operators have in common; nil for those that get no rows which all tasks get.
func (c *commons) at(place Place, op physical.Op, stage *physical.Stage, memory *budget.Budget) func(func(*budget.Account) any) any {
	for _, e := range stage.Inputs {
		if e.Kind == physical.Broadcast && e.At == place.Op {
			return func(create func(*budget.Account) any) any { return c.get(place, op, memory, create) }
		}
	}
	return nil
}

func (c *commons) get(place Place, op physical.Op, memory *budget.Budget, create func(*budget.Account) any) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.made[place]; ok {
		return v
	}
	if c.made == nil {
		c.made = map[Place]any{}
	}
	account := memory.Account(fmt.Sprintf("%s, all tasks", op.Node))
	c.held = append(c.held, account)
	c.made[place] = create(account)
	return c.made[place]
}

// close ends the accounts.
func (c *commons) close() {
	for _, a := range c.held {
		a.Close()
	}
}
