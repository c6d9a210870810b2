package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zeebo/xxh3"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/state"
)

func testManifest() *Manifest {
	profile, _ := profiles()
	profile.Namespace = []columnar.Field{{Name: "window", Type: columnar.TimestampType}, {Name: "d", Type: columnar.DecimalOf(20, 3)}, {Name: "u", Type: columnar.Type{Kind: columnar.FixedBinary, Width: 16}}}
	return &Manifest{
		ID: 17, Kind: Stop, Job: "clicks", Run: "r", Epoch: 3, Time: scriptStart, Root: ".", Fingerprint: "f", Plan: json.RawMessage(`{"nodes":["<a>"]}`),
		Operators: []Operator{{
			UID: "count", Name: "count words", Parallelism: 2, KeyGroups: 64, Enumerator: []byte{1, 2}, Tables: []Table{{counts}, {profile}, {spread}},
			Parts: []Part{{Task: Task{1, 0}, Ended: true, Blobs: map[string][]byte{"w": {1}}, Tables: []Rows{
				{Table: "counts", Rows: 12, Files: []File{{Path: "a.arrow", Size: 100, Rows: 12, Check: 0xfedcba9876543210, Index: []Span{{0, 3, 5}, {3, 63, 7}}}}},
				{Table: "splits", Rows: 1, Files: []File{{Inline: []byte("ARROW1"), Size: 6, Rows: 1, Check: 1, Index: []Span{{0, 0, 1}}}}},
			}}},
		}},
		Committables: []Committable{{Checkpoint: 16, UID: "sink", Task: 1, Data: []byte{3}, Rows: 4, Bytes: 5, Files: 6}},
	}
}

// mergedManifest has a file within a merged one.
func mergedManifest() *Manifest {
	m := testManifest()
	f := &m.Operators[0].Parts[0].Tables[0].Files[0]
	f.Path, f.Merged, f.Offset = "chk-00000017/merged.parts", true, 4096
	return m
}

// A manifest says that it is of a version that readers must know, and of no later one.
func TestManifestVersion(t *testing.T) {
	for want, m := range map[string]*Manifest{`"version": 1`: testManifest(), `"version": 2`: mergedManifest()} {
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("%s is not in %s", want, data)
		}
	}
}

func TestManifestRoundTrip(t *testing.T) {
	roundTrip(t, testManifest())
	roundTrip(t, mergedManifest())
}

func roundTrip(t *testing.T, want *Manifest) {
	t.Helper()
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// Layout does not count, content does.
	var flat bytes.Buffer
	if err := json.Compact(&flat, data); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(flat.Bytes()); err != nil {
		t.Error(err)
	}
	for i := range flat.Len() {
		broken := bytes.Clone(flat.Bytes())
		broken[i] ^= 1
		if m, err := Decode(broken); err == nil {
			t.Fatalf("byte %d: %v", i, m)
		}
	}
}

// TestManifestRefused: manifests with a right check that no writer makes, and those of later versions.
func TestManifestRefused(t *testing.T) {
	for name, change := range map[string]func(m *Manifest){
		"outside":               func(m *Manifest) { m.Operators[0].Parts[0].Tables[0].Files[0].Path = "../../x" },
		"absolute":              func(m *Manifest) { m.Operators[0].Parts[0].Tables[0].Files[0].Path = "/x" },
		"root":                  func(m *Manifest) { m.Root = "../.." },
		"index":                 func(m *Manifest) { m.Operators[0].Parts[0].Tables[0].Files[0].Index[0].Last = -1 },
		"rows":                  func(m *Manifest) { m.Operators[0].Parts[0].Tables[0].Files[0].Rows++ },
		"key groups":            func(m *Manifest) { m.Operators[0].KeyGroups = 63 },
		"no groups":             func(m *Manifest) { m.Operators[0].KeyGroups = 0 },
		"apart, with an offset": func(m *Manifest) { m.Operators[0].Parts[0].Tables[0].Files[0].Offset = 1 },
		"before it begins": func(m *Manifest) {
			m.Operators[0].Parts[0].Tables[0].Files[0].Merged, m.Operators[0].Parts[0].Tables[0].Files[0].Offset = true, -1
		},
		"too far": func(m *Manifest) {
			m.Operators[0].Parts[0].Tables[0].Files[0].Merged, m.Operators[0].Parts[0].Tables[0].Files[0].Offset = true, math.MaxInt64-99
		},
		"merged into the manifest": func(m *Manifest) { m.Operators[0].Parts[0].Tables[1].Files[0].Merged = true },
		"table":                    func(m *Manifest) { m.Operators[0].Parts[0].Tables[0].Table = "x" },
		"a type":                   func(m *Manifest) { m.Operators[0].Tables[0].Values = []columnar.Field{{Type: columnar.Type{Kind: 99}}} },
		"decimal": func(m *Manifest) {
			m.Operators[0].Tables[0].Values = []columnar.Field{{Type: columnar.DecimalOf(5, 6)}}
		},
		"list of none": func(m *Manifest) {
			m.Operators[0].Tables[0].Values = []columnar.Field{{Type: columnar.Type{Kind: columnar.List}}}
		},
	} {
		m := testManifest()
		change(m)
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(data); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	data, _ := json.Marshal(envelope{Format: formatName, Version: 3, Check: Check(xxh3.HashString("{}")), Manifest: []byte("{}")})
	if _, err := Decode(data); err == nil || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "format 3") {
		t.Error(err)
	}
}

// FuzzDecode: whatever bytes come, Decode returns a manifest that reading can rely on, or an error.
func FuzzDecode(f *testing.F) {
	for _, m := range []*Manifest{testManifest(), mergedManifest(), {Root: ".."}, {Root: "..", Moved: "hdfs://nn/sp"}} {
		data, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		// With a right check, so that what it protects is reached.
		var compact bytes.Buffer
		data := body
		if json.Compact(&compact, body) == nil {
			data, _ = json.Marshal(envelope{Format: formatName, Version: formatVersion, Check: Check(xxh3.Hash(compact.Bytes())), Manifest: compact.Bytes()})
		}
		m, err := Decode(data)
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("%v, of %s", err, again)
		}
		for _, o := range m.Operators {
			for _, table := range o.Tables {
				_, _ = newMigration(table.Table, counts, m.Time)
				_ = fileSchema(table.Table)
			}
		}
		_ = Compare(m, []Declared{{UID: "count", Tables: []state.Table{counts}}}, nil).Write(&bytes.Buffer{})
	})
}
