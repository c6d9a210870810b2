package hdfs

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// info renders a DatanodeInfoProto.
func info(ip, host string, port uint64) []byte {
	id := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), ip)
	id = protowire.AppendString(protowire.AppendTag(id, 2, protowire.BytesType), host)
	id = protowire.AppendVarint(protowire.AppendTag(id, 4, protowire.VarintType), port)
	raw := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), id)
	return protowire.AppendVarint(protowire.AppendTag(raw, 2, protowire.VarintType), 1<<40)
}

// request renders a request with a header, a stage and targets.
func request(targets ...[]byte) []byte {
	w := writeRequest{fields: [][]byte{
		protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "header"),
		protowire.AppendVarint(protowire.AppendTag(nil, 4, protowire.VarintType), 6),
	}}
	var all []target
	for _, raw := range targets {
		all = append(all, target{raw: raw})
	}
	return w.with(all)
}

var errDown = errors.New("down")

func TestTrim(t *testing.T) {
	a, b, c := info("10.0.0.1", "a", 1), info("10.0.0.2", "b", 2), info("10.0.0.3", "c", 3)
	p := pipelines{minimum: 2, seen: map[string]sighting{}, dial: func(_ context.Context, _, addr string) (net.Conn, error) {
		if addr == "10.0.0.2:2" || addr == "b:2" {
			return nil, errDown
		}
		here, there := net.Pipe()
		there.Close()
		return here, nil
	}}
	for _, useHostname := range []bool{false, true} {
		p.useHostname = useHostname
		for _, x := range []struct {
			name     string
			in, want []byte
		}{
			{"all alive", request(a, c), request(a, c)},
			{"one dead", request(a, b, c), request(a, c)},
			{"too few left", request(b), request(b)},
			{"no targets", request(), request()},
			{"a read", []byte{0, 0x1c, 0x51, 0}, []byte{0, 0x1c, 0x51, 0}},
		} {
			if got := p.trim(x.in); !bytes.Equal(got, x.want) {
				t.Errorf("%s: got %x, want %x", x.name, got, x.want)
			}
		}
	}
	if p.isDistrustful() {
		t.Error("distrustful before a failure")
	}
	if p.distrust(); !p.isDistrustful() {
		t.Error("not distrustful after a failure")
	}
}

func TestDetour(t *testing.T) {
	l := newLinks(time.Second)
	defer l.close()
	l.pipelines.minimum = 1
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dead, alive := info("127.0.0.1", "", 1), info("127.0.0.1", "", uint64(listener.Addr().(*net.TCPAddr).Port))
	last := info("10.9.9.9", "", 9)

	if _, err := l.dialDataNode(t.Context(), "tcp", "127.0.0.1:1"); err == nil {
		t.Error("a detour without distrust")
	}
	l.detours = true
	l.pipelines.until = time.Now().Add(time.Minute)
	l.pipelines.seen["10.9.9.9:9"] = sighting{alive: true, at: time.Now()}

	conn, err := l.dialDataNode(t.Context(), "tcp", "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte{0, 0x1c, 0x51, 0}); err == nil {
		t.Error("a read took a detour")
	}
	in := request(dead, alive, last)
	if n, err := conn.Write(in); n != len(in) || err != nil {
		t.Fatalf("wrote %d of %d: %v", n, len(in), err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	want := request(last)
	got := make([]byte, len(want))
	if _, err := server.Read(got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("arrived: %x, %v; want %x", got, err, want)
	}
	if err := errors.Join(server.Close(), conn.Close()); err != nil {
		t.Error(err)
	}
}

func FuzzParseWriteRequest(f *testing.F) {
	f.Add(request(info("1.2.3.4", "h", 5), info("", "", 0)))
	f.Add([]byte{0, 0x1c, writeBlock, 1, 0x12})
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := parseWriteRequest(b, len(b)%2 == 0)
		if err != nil {
			return
		}
		again, err := parseWriteRequest(w.with(w.targets), len(b)%2 == 0)
		if err != nil || len(again.targets) != len(w.targets) || len(again.fields) != len(w.fields) {
			t.Fatalf("%x renders as what parses differently: %v", b, err)
		}
	})
}
