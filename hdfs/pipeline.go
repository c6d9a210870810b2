package hdfs

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// pipelines keeps dead DataNodes out of write pipelines. The NameNode goes on naming a dead DataNode for ten minutes
// (dfs.namenode.heartbeat.recheck-interval), and the client library can neither exclude one nor ask for another; in
// a small cluster no block could be written for so long. So for a while after a failed write, the requests that
// the library sends to DataNodes are looked at on their way: the targets that cannot be connected to are taken out,
// and a request to a dead first DataNode goes to the next one. Such a block begins with fewer replicas, which the
// NameNode makes up for when the block is complete.
//
// On connections with SASL only the targets can be taken out (the first DataNode is the one that was authenticated
// with), on encrypted ones nothing.
type pipelines struct {
	useHostname bool // dfs.client.use.datanode.hostname
	minimum     int  // DataNodes that a pipeline must keep
	dial        func(ctx context.Context, network, addr string) (net.Conn, error)

	mu    sync.Mutex // guards what follows
	until time.Time  // requests are looked at until then
	seen  map[string]sighting
}

// sighting is what a DataNode looked like lately.
type sighting struct {
	alive bool
	at    time.Time
}

const (
	distrustTime = 15 * time.Minute // longer than the NameNode takes to notice
	sightingTime = 10 * time.Second
	probeTimeout = 2 * time.Second
)

// distrust begins to look at requests, because a write has failed.
func (p *pipelines) distrust() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Now().Add(distrustTime)
}

func (p *pipelines) isDistrustful() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.until)
}

// isAlive tells whether a DataNode takes connections.
func (p *pipelines) isAlive(addr string) bool {
	p.mu.Lock()
	last, ok := p.seen[addr]
	p.mu.Unlock()
	if ok && time.Since(last.at) < sightingTime {
		return last.alive
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	conn, err := p.dial(ctx, "tcp", addr)
	if err == nil {
		conn.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[addr] = sighting{alive: err == nil, at: time.Now()}
	return err == nil
}

// trim returns request without its dead targets, or as it is if it is no write request, nothing is dead, or too few
// would be left.
func (p *pipelines) trim(request []byte) []byte {
	w, err := parseWriteRequest(request, p.useHostname)
	if err != nil {
		return request
	}
	var alive []target
	for _, t := range w.targets {
		if p.isAlive(t.addr) {
			alive = append(alive, t)
		}
	}
	if len(alive) == len(w.targets) || 1+len(alive) < p.minimum {
		return request
	}
	return w.with(alive)
}

// detour is the connection to a DataNode that could not be reached. A write request on it goes to the next in the
// pipeline; anything else fails as the connection did.
type detour struct {
	net.Conn // nil until a request found its way
	links    *links
	err      error
}

func (d *detour) Write(b []byte) (int, error) {
	if d.Conn != nil {
		return d.Conn.Write(b)
	}
	w, err := parseWriteRequest(b, d.links.pipelines.useHostname)
	if err != nil {
		return 0, d.err
	}
	for i, t := range w.targets {
		if len(w.targets)-i < d.links.pipelines.minimum {
			break
		}
		k, err := d.links.connect(context.Background(), "tcp", t.addr)
		if err != nil {
			continue
		}
		d.Conn = k
		if _, err := k.Write(w.with(w.targets[i+1:])); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	return 0, d.err
}

func (d *detour) Read(b []byte) (int, error) {
	if d.Conn == nil {
		return 0, d.err
	}
	return d.Conn.Read(b)
}

func (d *detour) Close() error {
	if d.Conn == nil {
		return nil
	}
	return d.Conn.Close()
}

func (d *detour) SetDeadline(time.Time) error { return nil }

// writeRequest is the message that opens a block for writing, field by field. On the wire (Hadoop's data transfer
// protocol, version 28):
//
//	00 1c | 50 (WRITE_BLOCK) | varint length | OpWriteBlockProto{ targets 2, repeated; pipelineSize 5; ... }
type writeRequest struct {
	fields  [][]byte // all but targets and pipelineSize, as they came
	targets []target
}

// target is a DataNode further down the pipeline.
type target struct {
	addr string
	raw  []byte // DatanodeInfoProto
}

const (
	writeBlock        = 0x50
	fieldTargets      = 2
	fieldPipelineSize = 5
)

var errNotWriteRequest = errors.New("not a request to write a block")

// parseWriteRequest takes a request apart; anything else is errNotWriteRequest.
func parseWriteRequest(b []byte, useHostname bool) (w writeRequest, err error) {
	if len(b) < 4 || b[0] != 0 || b[1] != 0x1c || b[2] != writeBlock {
		return w, errNotWriteRequest
	}
	size, n := binary.Uvarint(b[3:])
	if b = b[min(3+max(n, 0), len(b)):]; n <= 0 || size != uint64(len(b)) {
		return w, errNotWriteRequest
	}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeField(b)
		if n < 0 {
			return w, errNotWriteRequest
		}
		field := b[:n]
		b = b[n:]
		switch {
		case number == fieldTargets && kind == protowire.BytesType:
			t, err := parseTarget(field, useHostname)
			if err != nil {
				return w, err
			}
			w.targets = append(w.targets, t)
		case number != fieldPipelineSize:
			w.fields = append(w.fields, field)
		}
	}
	return w, nil
}

// parseTarget reads a DataNode's address: DatanodeInfoProto{ id 1: { ipAddr 1, hostName 2, xferPort 4 } }.
func parseTarget(field []byte, useHostname bool) (target, error) {
	raw, err := bytesField(field, fieldTargets)
	if err != nil {
		return target{}, err
	}
	id, err := bytesField(raw, 1)
	if err != nil {
		return target{}, err
	}
	hostField := protowire.Number(1)
	if useHostname {
		hostField = 2
	}
	host, err := bytesField(id, hostField)
	if err != nil {
		return target{}, err
	}
	port, err := varintField(id, 4)
	if err != nil {
		return target{}, err
	}
	return target{addr: string(host) + ":" + strconv.FormatUint(port, 10), raw: raw}, nil
}

// findField returns what follows the tag of the first field of a number and kind.
func findField(message []byte, number protowire.Number, kind protowire.Type) ([]byte, error) {
	for len(message) > 0 {
		gotNumber, gotKind, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			break
		}
		value := protowire.ConsumeFieldValue(gotNumber, gotKind, message[tag:])
		if value < 0 {
			break
		}
		if gotNumber == number && gotKind == kind {
			return message[tag : tag+value], nil
		}
		message = message[tag+value:]
	}
	return nil, errNotWriteRequest
}

func bytesField(message []byte, number protowire.Number) ([]byte, error) {
	v, err := findField(message, number, protowire.BytesType)
	if err != nil {
		return nil, err
	}
	b, _ := protowire.ConsumeBytes(v)
	return b, nil
}

func varintField(message []byte, number protowire.Number) (uint64, error) {
	v, err := findField(message, number, protowire.VarintType)
	if err != nil {
		return 0, err
	}
	n, _ := protowire.ConsumeVarint(v)
	return n, nil
}

// with renders the request for other targets.
func (w writeRequest) with(targets []target) []byte {
	var message []byte
	for _, f := range w.fields {
		message = append(message, f...)
	}
	for _, t := range targets {
		message = protowire.AppendTag(message, fieldTargets, protowire.BytesType)
		message = protowire.AppendBytes(message, t.raw)
	}
	message = protowire.AppendTag(message, fieldPipelineSize, protowire.VarintType)
	message = protowire.AppendVarint(message, uint64(len(targets)))
	request := protowire.AppendVarint([]byte{0, 0x1c, writeBlock}, uint64(len(message)))
	return append(request, message...)
}
