package coordinator

import (
	"github.com/millrace/millrace/runner/control"
)

// lost makes again what a task left on a blocking edge and the consumer cannot read back.
//
// Not every program gives the same rows in the same order twice. So everything that has read the old rows is forgotten and runs again with
// the new ones, downwards to what is done already; and since the inputs of what is done have been dropped, those that made these run again as
// well, up to the sources. A source's task whose stage reads nothing else is the exception that pays: of its stage it runs alone. This is the
// rule of Flink 1.9's RestartPipelinedRegionFailoverStrategy (FLIP-1). Only the consumer that met the loss has an attempt less for it.
func (c *Core) lost(consumer *stageState, t int, l *control.LostError) ([]Action, error) {
	producer := c.stages[c.plan.Edges[l.Edge].From.ID]
	again := &rerun{core: c, regions: map[*region]bool{}}
	if len(producer.region.stages) == 1 && len(producer.stage.Inputs) == 0 {
		again.readers(producer.region)
	} else {
		again.add(producer.region)
	}
	consumer.spared[t]--
	var out []Action
	if !again.regions[producer.region] {
		producer.spared[l.Task]++
		producer.region.started, producer.region.done = false, false
		actions, err := c.reset(producer, l.Task)
		if err != nil {
			return nil, err
		}
		out = append(out, actions...)
	}
	more, err := again.stop()
	return append(out, more...), err
}

// rerun is the regions that have to run again.
type rerun struct {
	core    *Core
	regions map[*region]bool
}

// add adds a region, with those that have read of it and those that it has to read anew.
func (a *rerun) add(r *region) {
	if a.regions[r] || !r.started {
		return
	}
	a.regions[r] = true
	a.readers(r)
	if !r.done {
		return
	}
	for _, s := range r.stages {
		for _, e := range s.stage.Inputs {
			a.add(a.core.stages[e.From.ID].region)
		}
	}
}

// readers adds the regions that have read of r.
func (a *rerun) readers(r *region) {
	for _, s := range r.stages {
		for _, e := range s.stage.Outputs {
			a.add(a.core.stages[e.To.ID].region)
		}
	}
}

// stop stops the regions, and starts those that nothing holds up.
func (a *rerun) stop() ([]Action, error) {
	var out []Action
	for _, r := range a.core.regions {
		if !a.regions[r] {
			continue
		}
		if !r.failed {
			spare(r)
		}
		r.failed, r.done = true, false
		out = append(out, stopAll(r)...)
	}
	for _, r := range a.core.regions {
		if !a.regions[r] || r.running > 0 {
			continue
		}
		actions, err := a.core.resetAll(r)
		if err != nil {
			return nil, err
		}
		out = append(out, actions...)
	}
	more, err := a.core.schedule()
	return append(out, more...), err
}

// spare counts the current attempts at a region as no fault of the tasks.
func spare(r *region) {
	for _, s := range r.stages {
		for t := range s.spared {
			s.spared[t]++
		}
	}
}
