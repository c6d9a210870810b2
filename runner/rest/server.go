package rest

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace/runner/status"
	"github.com/millrace/millrace/vfs"
)

// Server serves the API of one job.
type Server struct {
	job      Job
	token    string
	listener net.Listener
}

// NewServer listens on a free port of the loopback address, for requests with a new random token. Run serves them.
func NewServer(ctx context.Context, job Job) (*Server, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for requests to the job: %w", err)
	}
	return &Server{job: job, token: rand.Text(), listener: l}, nil
}

// Address returns the URL that paths of the API are added to: "http://127.0.0.1:4711".
func (s *Server) Address() string { return "http://" + s.listener.Addr().String() }

// Token returns what requests have to show.
func (s *Server) Token() string { return s.token }

// grace is the time that requests have for their end when the server ends.
const grace = 3 * time.Second

// Run serves until ctx ends, and then lets requests that are being answered come to their end for some seconds.
func (s *Server) Run(ctx context.Context) error {
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	served := make(chan error, 1)
	go func() { served <- server.Serve(s.listener) }() // ends with Shutdown or Close below
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(last)
	if err != nil {
		err = server.Close()
	}
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// handler returns the API's routes.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range s.routes() {
		mux.HandleFunc(pattern, s.checked(serve))
	}
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(OpenAPI) // a client that is gone needs no answer
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, &Error{Status: http.StatusNotFound, Detail: fmt.Sprintf("%s %s is not part of the API; GET /v1/openapi.json describes it", r.Method, r.URL.Path)})
	})
	return mux
}

// routes are the requests that need the token.
func (s *Server) routes() map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /v1/job":          s.getJob,
		"GET /v1/metrics":      s.getMetrics,
		"POST /v1/checkpoints": s.postCheckpoint,
		"POST /v1/savepoints":  s.postSavepoint,
		"POST /v1/stop":        s.postStop,
		"POST /v1/cancel":      s.postCancel,
	}
}

// checked serves requests that show the token, and answers others and errors.
func (s *Server) checked(serve func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, &Error{Status: http.StatusUnauthorized, Detail: "the token is missing or is another job's"})
			return
		}
		if err := serve(w, r); err != nil {
			refuse(w, asError(err))
		}
	}
}

func (s *Server) getJob(w http.ResponseWriter, _ *http.Request) error {
	j := s.job.Status()
	j.Normalise()
	return answer(w, http.StatusOK, j)
}

func (s *Server) getMetrics(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", status.MetricsType)
	j := s.job.Status()
	_ = j.WriteMetrics(w) // a client that is gone needs no answer
	return nil
}

func (s *Server) postCheckpoint(w http.ResponseWriter, r *http.Request) error {
	if err := read(w, r, &struct{}{}); err != nil {
		return err
	}
	c, err := s.job.Checkpoint(r.Context())
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, c)
}

// savepointRequest is the body of a request for a savepoint.
type savepointRequest struct {
	URL string `json:"url,omitempty"`
}

func (s *Server) postSavepoint(w http.ResponseWriter, r *http.Request) error {
	var body savepointRequest
	if err := read(w, r, &body); err != nil {
		return err
	}
	c, err := s.job.Savepoint(r.Context(), body.URL)
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, c)
}

// stopRequest is the body of a request to stop.
type stopRequest struct {
	Savepoint string `json:"savepoint,omitempty"`
	Drain     bool   `json:"drain,omitempty"`
}

func (s *Server) postStop(w http.ResponseWriter, r *http.Request) error {
	var body stopRequest
	if err := read(w, r, &body); err != nil {
		return err
	}
	c, err := s.job.Stop(r.Context(), body.Savepoint, body.Drain)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, c)
}

func (s *Server) postCancel(w http.ResponseWriter, r *http.Request) error {
	if err := read(w, r, &struct{}{}); err != nil {
		return err
	}
	if err := s.job.Cancel(r.Context()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

const maxBody = 64 << 10

// read reads a request's body; an empty one says nothing.
func read(w http.ResponseWriter, r *http.Request, body any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(body); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the body is not the JSON that it should be: %w", ErrInvalid, err)
	}
	return nil
}

func answer(w http.ResponseWriter, code int, body any) error {
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // a client that is gone needs no answer
	return nil
}

// asError says how the server answers an error of the job.
func asError(err error) *Error {
	e := &Error{Status: http.StatusInternalServerError, Detail: err.Error()}
	switch {
	case errors.Is(err, ErrInvalid), errors.Is(err, vfs.ErrScheme):
		e.Status = http.StatusBadRequest
	case errors.Is(err, ErrRefused):
		e.Status = http.StatusConflict
	case vfs.IsUnavailable(err):
		e.Status = http.StatusServiceUnavailable
	}
	return e
}

func refuse(w http.ResponseWriter, e *Error) {
	e.Title = http.StatusText(e.Status)
	text, err := json.Marshal(e)
	if err != nil {
		text = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(e.Status)
	_, _ = w.Write(append(text, '\n')) // a client that is gone needs no answer
}
