package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/millrace/millrace/runner/status"
)

// Client steers a job by its API. A request that the server did not fulfil is an *Error; one that did not reach it is an error of the network.
// Any goroutine may use it.
type Client struct {
	address, token string
	http           *http.Client
}

// NewClient returns a client of the server that has that address and token.
func NewClient(address, token string) *Client {
	return &Client{address, token, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}} // no proxy: it is this machine
}

// Status returns what the job tells about itself.
func (c *Client) Status(ctx context.Context) (j status.Job, err error) {
	err = c.do(ctx, http.MethodGet, "/v1/job", nil, &j)
	return j, err
}

// Metrics returns the job's numbers in Prometheus' text format.
func (c *Client) Metrics(ctx context.Context) (text []byte, err error) {
	err = c.do(ctx, http.MethodGet, "/v1/metrics", nil, &text)
	return text, err
}

// Checkpoint makes a checkpoint and waits for it.
func (c *Client) Checkpoint(ctx context.Context) (cp status.Checkpoint, err error) {
	err = c.do(ctx, http.MethodPost, "/v1/checkpoints", struct{}{}, &cp)
	return cp, err
}

// Savepoint makes a savepoint in the folder url and waits for it.
func (c *Client) Savepoint(ctx context.Context, url string) (cp status.Checkpoint, err error) {
	err = c.do(ctx, http.MethodPost, "/v1/savepoints", savepointRequest{url}, &cp)
	return cp, err
}

// Stop stops the job: see Job.Stop. It waits for the savepoint, not for the end of the process.
func (c *Client) Stop(ctx context.Context, url string, drain bool) (cp status.Checkpoint, err error) {
	err = c.do(ctx, http.MethodPost, "/v1/stop", stopRequest{url, drain}, &cp)
	return cp, err
}

// Cancel tells the job to end. It does not wait for the end.
func (c *Client) Cancel(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/cancel", struct{}{}, nil)
}

// do sends a request with body as JSON, and reads the answer into result: *[]byte takes it as it is, nil drops it.
func (c *Client) do(ctx context.Context, method, path string, body, result any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.address+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return problem(response, answer)
	}
	switch result := result.(type) {
	case nil:
		return nil
	case *[]byte:
		*result = answer
		return nil
	default:
		if err := json.Unmarshal(answer, result); err != nil {
			return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
		}
		return nil
	}
}

// problem is the error that an answer tells.
func problem(r *http.Response, answer []byte) error {
	e := &Error{}
	if err := json.Unmarshal(answer, e); err != nil || e.Title == "" {
		e.Title, e.Detail = http.StatusText(r.StatusCode), ""
	}
	e.Status = r.StatusCode
	return e
}
