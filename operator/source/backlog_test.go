package source_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/millrace/millrace/connectors"
	"github.com/millrace/millrace/operator/source"
)

// remembering is a reader whose splits have three rows, of which the first two are its backlog.
type remembering struct {
	split string
	row   byte
}

func (r *remembering) Assign(splits []connectors.Split, _ []connectors.Position) error {
	r.split, r.row = splits[0].ID, 0
	return nil
}

func (r *remembering) Fetch(context.Context) (connectors.Fetched, error) {
	if r.split == "" {
		return connectors.Fetched{}, io.EOF
	}
	r.row++
	f := connectors.Fetched{Split: r.split, Next: connectors.Position{r.row}, Done: r.row == 3}
	if f.Done {
		r.split = ""
	}
	return f, nil
}

func (r *remembering) IsInBacklog() bool { return r.split != "" && r.row < 2 }
func (*remembering) Close() error        { return nil }

// A fetcher tells when its reader comes into its backlog and out of it, behind the rows that brought the change, and at last that it is in none.
func TestBacklog(t *testing.T) {
	var told []string
	r := &remembering{}
	asks := make(chan struct{}, 10)
	f, err := source.NewFetcher(func(func(connectors.Bad) error) (connectors.Reader, error) { return r, nil }, func() { asks <- struct{}{} }, func() {})
	if err != nil {
		t.Fatal(err)
	}
	f.OnBacklog(func(is bool) {
		if is {
			told = append(told, "in")
		} else {
			told = append(told, "out of "+r.split)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.Run(ctx) }() // ends with ctx
	take := func(rows int) {
		for rows > 0 {
			if got, ok, _ := f.Poll(); ok && got.Split != "" {
				rows--
			}
		}
	}
	for _, split := range []string{"a", "b"} {
		<-asks
		f.Assign(source.Assignment{Splits: []connectors.Split{{ID: split}}})
		take(3)
	}
	<-asks
	f.Assign(source.Assignment{Splits: []connectors.Split{{ID: "c"}}})
	take(1)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if want := []string{"in", "out of a", "in", "out of b", "in", "out of c"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
