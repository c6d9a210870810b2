package shuffle

import "errors"

// Chain returns a gate over the rows of all gates, one after another. It closes each when it has ended.
func Chain(gates []Gate) Gate { return &chain{gates: gates} }

type chain struct{ gates []Gate } // those that have not ended

// Poll implements Gate.
func (c *chain) Poll() (Item, bool, error) {
	for len(c.gates) > 0 {
		g := c.gates[0]
		b, ok, err := g.Poll()
		if ok || err != nil || !g.HasEnded() {
			return b, ok, err
		}
		c.gates = c.gates[1:]
		if err := g.Close(); err != nil {
			return Item{}, false, err
		}
	}
	return Item{}, false, nil
}

// HasEnded implements Gate.
func (c *chain) HasEnded() bool { return len(c.gates) == 0 }

// Close implements Gate.
func (c *chain) Close() error {
	var errs []error
	for _, g := range c.gates {
		errs = append(errs, g.Close())
	}
	c.gates = nil
	return errors.Join(errs...)
}
