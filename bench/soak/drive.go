package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// driver keeps the two jobs going, looks at them, and does to them what befalls a job.
type driver struct {
	schedule
	steady, killed *subject
	began          time.Time
	log            *os.File // of samples
}

// drive runs for as long as it is told, or until ctx ends. A job that ends by itself is an error, and so is memory that is not flat.
func (d *driver) drive(ctx context.Context) (err error) {
	if d.log, err = os.Create(filepath.Join(d.dir, "samples.csv")); err != nil {
		return err
	}
	defer func() { _ = d.log.Close() }() // each line has been written at once
	if _, err := d.log.WriteString(sampleHead); err != nil {
		return err
	}
	for _, s := range []*subject{d.steady, d.killed} {
		if err := s.start(ctx); err != nil {
			return err
		}
	}
	end := time.NewTimer(d.length)
	defer end.Stop()
	sample, kill, savepoint := time.NewTicker(d.sample), time.NewTicker(d.kill), time.NewTicker(d.savepoint)
	defer sample.Stop()
	defer kill.Stop()
	defer savepoint.Stop()
	for {
		var err error
		select {
		case <-sample.C:
			err = d.look(ctx)
		case <-kill.C:
			if err = d.killed.kill(); err == nil {
				err = d.killed.start(ctx)
			}
		case <-savepoint.C:
			err = d.save(ctx)
		case err := <-d.steady.ended:
			return fmt.Errorf("the steady job has ended: %w", err)
		case err := <-d.killed.ended:
			return fmt.Errorf("the killed job has ended by itself: %w", err)
		case <-end.C:
			return d.judge()
		case <-ctx.Done():
			return d.writeReport()
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// judge writes the report; what is not as it has to be is an error.
func (d *driver) judge() error {
	if err := d.writeReport(); err != nil {
		return err
	}
	if problems := d.problems(); len(problems) > 0 {
		return errors.New(strings.Join(problems, "; "))
	}
	return nil
}

// look takes a sample of both jobs.
func (d *driver) look(ctx context.Context) error {
	for _, s := range []*subject{d.steady, d.killed} {
		if err := s.output.take(s.path("out")); err != nil {
			return err
		}
		x, err := s.look(ctx, d.began)
		if err != nil {
			return fmt.Errorf("looking at %s: %w", s.name, err)
		}
		s.samples = append(s.samples, x)
		if _, err := d.log.WriteString(x.line(s)); err != nil {
			return err
		}
	}
	return d.writeReport()
}

func (d *driver) save(ctx context.Context) error {
	for _, s := range []*subject{d.steady, d.killed} {
		if err := s.savepoint(ctx); err != nil {
			return err
		}
	}
	return nil
}
