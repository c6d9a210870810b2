package vfs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Opener connects to the store of one scheme and authority ("hdfs", "nn:8020"); authority may be empty.
type Opener func(ctx context.Context, authority string) (FileSystem, error)

// Resolver finds the FileSystem of a URL. Each scheme and authority is opened once, at first use, and stays
// open until Close. It is safe for concurrent use.
type Resolver struct {
	openers map[string]Opener
	mu      sync.Mutex // guards open and closed
	open    map[string]*opening
	closed  bool
}

// opening is a FileSystem that is being opened; fsys and err may be read once done is closed.
type opening struct {
	done chan struct{}
	fsys FileSystem
	err  error
}

// NewResolver returns a Resolver for the schemes in openers. The table is the composition root's:
//
//	vfs.NewResolver(map[string]vfs.Opener{"file": openLocal, "hdfs": openHDFS})
func NewResolver(openers map[string]Opener) *Resolver {
	return &Resolver{openers: maps.Clone(openers), open: map[string]*opening{}}
}

// FS returns the FileSystem of url and the path inside it. The FileSystem belongs to the Resolver: do not close
// it. An unknown scheme is ErrScheme. A failed opening is not remembered.
func (r *Resolver) FS(ctx context.Context, url string) (FileSystem, string, error) {
	scheme, authority, path := Split(url)
	opener, ok := r.openers[scheme]
	if !ok {
		known := strings.Join(slices.Sorted(maps.Keys(r.openers)), ", ")
		return nil, "", PathError("open", url, fmt.Errorf("%w %q (known: %s)", ErrScheme, scheme, known))
	}
	for {
		o, mine, err := r.claim(scheme + "://" + authority)
		if err != nil {
			return nil, "", PathError("open", url, err)
		}
		if mine {
			fsys, err := opener(ctx, authority)
			r.settle(scheme+"://"+authority, o, fsys, err)
			if o.err != nil {
				return nil, "", PathError("open", url, o.err)
			}
			return o.fsys, path, nil
		}
		select {
		case <-ctx.Done():
			return nil, "", PathError("open", url, context.Cause(ctx))
		case <-o.done:
		}
		if o.err == nil {
			return o.fsys, path, nil
		}
		// Another caller's attempt failed, perhaps by its own deadline: try with ours.
	}
}

// claim returns the entry of key, and whether the caller is the one to open it.
func (r *Resolver) claim(key string) (o *opening, mine bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false, errors.New("resolver is closed")
	}
	if o, ok := r.open[key]; ok {
		return o, false, nil
	}
	o = &opening{done: make(chan struct{})}
	r.open[key] = o
	return o, true, nil
}

// settle records the outcome of the opening that the caller claimed.
func (r *Resolver) settle(key string, o *opening, fsys FileSystem, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && r.closed {
		err = errors.Join(errors.New("resolver is closed"), fsys.Close())
	}
	if o.fsys, o.err = fsys, err; err != nil {
		delete(r.open, key)
	}
	close(o.done)
}

// Close closes every FileSystem that was opened.
func (r *Resolver) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	var errs []error
	for key, o := range r.open {
		select {
		case <-o.done:
			errs = append(errs, o.fsys.Close())
		default: // still opening: settle closes it
		}
		delete(r.open, key)
	}
	return errors.Join(errs...)
}
