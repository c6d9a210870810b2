package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/runner/status"
	"github.com/millrace/millrace/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a job that remembers what it was asked.
type fake struct {
	asked []string
	err   error
	delay time.Duration
}

func (f *fake) Status() status.Job {
	return status.Job{Name: "clicks", State: status.Running, Nodes: []status.Node{{RowsIn: 7}}}
}

func (f *fake) ask(ctx context.Context, what string, args ...any) (status.Checkpoint, error) {
	f.asked = append(f.asked, fmt.Sprint(append([]any{what}, args...)...))
	select {
	case <-ctx.Done():
		return status.Checkpoint{}, ctx.Err()
	case <-time.After(f.delay):
		return status.Checkpoint{ID: 5, Kind: status.Savepoint, State: status.Complete, URL: "mem:///sp/5"}, f.err
	}
}

func (f *fake) Checkpoint(ctx context.Context) (status.Checkpoint, error) {
	return f.ask(ctx, "checkpoint")
}

func (f *fake) Savepoint(ctx context.Context, url string) (status.Checkpoint, error) {
	return f.ask(ctx, "savepoint ", url)
}

func (f *fake) Stop(ctx context.Context, url string, drain bool) (status.Checkpoint, error) {
	return f.ask(ctx, "stop ", url, " ", drain)
}

func (f *fake) Cancel(ctx context.Context) error {
	_, err := f.ask(ctx, "cancel")
	return err
}

// serve serves a job until the test ends, or until the function it returns is called.
func serve(t *testing.T, job Job) (*Server, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := NewServer(ctx, job)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }() // ends with ctx
	stop := func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return s, stop
}

func TestRequests(t *testing.T) {
	job := &fake{}
	s, _ := serve(t, job)
	c, ctx := NewClient(s.Address(), s.Token()), t.Context()
	j, err := c.Status(ctx)
	if err != nil || j.Name != "clicks" || j.Nodes[0].RowsIn != 7 {
		t.Errorf("got %+v, %v", j, err)
	}
	text, err := c.Metrics(ctx)
	if err != nil || !strings.Contains(string(text), "\nmillrace_records_in_total{job=\"clicks\"") {
		t.Errorf("got %s, %v", text, err)
	}
	if cp, err := c.Checkpoint(ctx); err != nil || cp.ID != 5 {
		t.Errorf("got %+v, %v", cp, err)
	}
	if cp, err := c.Savepoint(ctx, "hdfs:///sp"); err != nil || cp.URL != "mem:///sp/5" {
		t.Errorf("got %+v, %v", cp, err)
	}
	if cp, err := c.Stop(ctx, "hdfs:///sp", true); err != nil || cp.Kind != status.Savepoint {
		t.Errorf("got %+v, %v", cp, err)
	}
	if _, err := c.Stop(ctx, "", false); err != nil {
		t.Error(err)
	}
	if err := c.Cancel(ctx); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"checkpoint", "savepoint hdfs:///sp", "stop hdfs:///sp true", "stop  false", "cancel"}, job.asked); diff != "" {
		t.Errorf("the job was asked (-want +got):\n%s", diff)
	}
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"refused":     {fmt.Errorf("%w: its input ends", ErrRefused), 409},
		"invalid":     {fmt.Errorf("%w: no folder", ErrInvalid), 400},
		"scheme":      {vfs.PathError("mkdir", "s3://x", vfs.ErrScheme), 400},
		"unavailable": {vfs.Unavailable(errors.New("no DataNode")), 503},
		"other":       {errors.New("it broke"), 500},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := serve(t, &fake{err: test.err})
			_, err := NewClient(s.Address(), s.Token()).Savepoint(t.Context(), "mem:///x")
			var e *Error
			if !errors.As(err, &e) || e.Status != test.want || e.Detail != test.err.Error() || e.Title != http.StatusText(test.want) {
				t.Errorf("got %#v, want status %d and %q", err, test.want, test.err)
			}
		})
	}
	s, stop := serve(t, &fake{})
	c := NewClient(s.Address(), s.Token())
	var e *Error
	if _, err := NewClient(s.Address(), "x").Status(t.Context()); !errors.As(err, &e) || e.Status != 401 {
		t.Errorf("another token: %v", err)
	}
	stop()
	var network *net.OpError
	if _, err := c.Status(t.Context()); !errors.As(err, &network) {
		t.Errorf("no server: %v", err)
	}
}

// send sends a request and returns status and body.
func send(t *testing.T, s *Server, method, path, token, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.Address()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestForeignRequests(t *testing.T) {
	job := &fake{}
	s, _ := serve(t, job)
	for _, c := range []struct {
		method, path, token, body string
		want                      int
	}{
		{"GET", "/v1/openapi.json", "", "", 200},
		{"GET", "/v1/job", "", "", 401},
		{"POST", "/v1/cancel", "wrong", "", 401},
		{"GET", "/v1/job", s.Token(), "", 200},
		{"GET", "/v1/nope", s.Token(), "", 404},
		{"GET", "/", "", "", 404},
		{"POST", "/v1/stop", s.Token(), `{"drian": true}`, 400},
		{"POST", "/v1/stop", s.Token(), `[`, 400},
		{"POST", "/v1/savepoints", s.Token(), `{"url": "` + strings.Repeat("x", maxBody) + `"}`, 400},
		{"POST", "/v1/stop", s.Token(), "", 200},
		{"POST", "/v1/checkpoints", s.Token(), "{}", 201},
		{"POST", "/v1/cancel", s.Token(), "", 202},
	} {
		got, body := send(t, s, c.method, c.path, c.token, c.body)
		if got != c.want {
			t.Errorf("%s %s: status %d, want %d: %s", c.method, c.path, got, c.want, body)
		}
		if e := (Error{}); c.want >= 400 && (json.Unmarshal([]byte(body), &e) != nil || e.Status != c.want || e.Detail == "") {
			t.Errorf("%s %s: answered %s", c.method, c.path, body)
		}
	}
	if want := []string{"stop  false", "checkpoint", "cancel"}; !slices.Equal(job.asked, want) {
		t.Errorf("the job was asked %q, want %q", job.asked, want)
	}
}

// TestEndWhileAsked: a server that ends answers what it has been asked.
func TestEndWhileAsked(t *testing.T) {
	job := &fake{delay: 200 * time.Millisecond}
	s, stop := serve(t, job)
	result := make(chan error, 1)
	go func() { // ends with the answer
		_, err := NewClient(s.Address(), s.Token()).Stop(t.Context(), "", false)
		result <- err
	}()
	time.Sleep(50 * time.Millisecond)
	stop()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// TestOpenAPI holds the description against the routes and the structs.
func TestOpenAPI(t *testing.T) {
	var doc struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct {
				Required   []string
				Properties map[string]any
			}
		}
	}
	if err := json.Unmarshal(OpenAPI, &doc); err != nil {
		t.Fatal(err)
	}
	var described []string
	for path, operations := range doc.Paths {
		for method := range operations {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	routes := slices.Collect(maps.Keys((&Server{}).routes()))
	routes = append(routes, "GET /v1/openapi.json")
	if diff := cmp.Diff(slices.Sorted(slices.Values(routes)), slices.Sorted(slices.Values(described))); diff != "" {
		t.Errorf("the routes and those described (-want +got):\n%s", diff)
	}
	for _, v := range []any{
		status.Job{},
		status.Failure{},
		status.Process{},
		status.Setting{},
		status.Node{},
		status.Time{},
		status.Rates{},
		status.Held{},
		status.Split{},
		status.Checkpoints{},
		status.Checkpoint{},
		Error{},
	} {
		typ := reflect.TypeOf(v)
		schema := doc.Components.Schemas[typ.Name()]
		all, required := jsonFields(typ)
		if diff := cmp.Diff(all, slices.Sorted(maps.Keys(schema.Properties))); diff != "" {
			t.Errorf("%s and its schema (-want +got):\n%s", typ.Name(), diff)
		}
		if diff := cmp.Diff(required, slices.Sorted(slices.Values(schema.Required))); diff != "" {
			t.Errorf("%s and what its schema requires (-want +got):\n%s", typ.Name(), diff)
		}
		delete(doc.Components.Schemas, typ.Name())
	}
	if len(doc.Components.Schemas) > 0 {
		t.Errorf("schemas of nothing: %v", slices.Collect(maps.Keys(doc.Components.Schemas)))
	}
}

// jsonFields returns the names that a struct's fields have in JSON, sorted, and those that are always there.
func jsonFields(t reflect.Type) (all, required []string) {
	for _, f := range reflect.VisibleFields(t) {
		tag, ok := f.Tag.Lookup("json")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		all = append(all, name)
		if options == "" {
			required = append(required, name)
		}
	}
	slices.Sort(all)
	slices.Sort(required)
	return all, required
}
