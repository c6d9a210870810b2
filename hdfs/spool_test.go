package hdfs

import (
	"bytes"
	"os"
	"testing"

	"pgregory.net/rapid"
)

func TestSpoolReplaysWhatItWasGiven(t *testing.T) {
	dir := t.TempDir()
	data := make([]byte, 3*spoolMemory)
	for i := range data {
		data[i] = byte(i * i >> 7)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := spool{dir: dir}
		defer s.close()
		var want []byte
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "step") == 0 {
				s.reset()
				want = nil
			}
			n := rapid.SampledFrom([]int{0, 1, 777, spoolMemory - 1, spoolMemory, spoolMemory + 1}).Draw(t, "n")
			from := rapid.IntRange(0, len(data)-n).Draw(t, "from")
			if err := s.append(data[from : from+n]); err != nil {
				t.Fatal(err)
			}
			want = append(want, data[from:from+n]...)
		}
		for range 2 { // more than once
			var got bytes.Buffer
			if err := s.replay(&got); err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Fatalf("%v, or %d bytes differ from %d", err, got.Len(), len(want))
			}
		}
	})
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("scratch files have names: %v, %v", left, err)
	}
}

func TestSpoolWithoutRoom(t *testing.T) {
	s := spool{dir: "/does/not/exist"}
	if err := s.append(make([]byte, spoolMemory)); err != nil {
		t.Errorf("what fits in memory needs no disk: %v", err)
	}
	if err := s.append([]byte{1}); err == nil {
		t.Error("spooled into a folder that does not exist")
	}
}
