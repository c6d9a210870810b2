// Package compress reads and writes compressed files as Hadoop users have them.
//
// When reading, the file's suffix names the codec ([BySuffix]); for .snappy and .lz4, which name two formats each, the first bytes tell
// whether it is the codec's own frame or Hadoop's blocks. When writing, a [Codec] is a setting. A file that ends too early or is damaged
// is an [Error] with the codec and the byte; no reader takes a cut-off file for a short one.
//
// bzip2 is the one codec whose files can be divided: [Blocks] reads the blocks that begin in a range of bytes.
//
// Snappy's frames and Hadoop's blocks carry no end mark: a file cut exactly between two of them cannot be told from a whole one, and a
// .snappy or .lz4 file of no bytes is empty.
//
// Stability: extension. The package starts no goroutines.
package compress

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Codec names a way to compress. The zero value is none. As a flag.Value it takes the names below.
type Codec string

// The codecs. Bzip2 is only read.
const (
	None         Codec = ""
	Gzip         Codec = "gzip"
	Bzip2        Codec = "bzip2"
	Zstd         Codec = "zstd"
	LZ4          Codec = "lz4"           // frames, as the command lz4 writes them
	Snappy       Codec = "snappy"        // frames
	HadoopLZ4    Codec = "hadoop-lz4"    // blocks of Hadoop's Lz4Codec
	HadoopSnappy Codec = "hadoop-snappy" // blocks of Hadoop's SnappyCodec
)

// suffixes has what names of written files end in.
var suffixes = map[Codec]string{
	None: "", Gzip: ".gz", Bzip2: ".bz2", Zstd: ".zst", LZ4: ".lz4", Snappy: ".snappy", HadoopLZ4: ".lz4", HadoopSnappy: ".snappy",
}

// Suffix returns what the names of such files end in: ".gz".
func (c Codec) Suffix() string { return suffixes[c] }

// String returns the codec's name, "none" for none.
func (c Codec) String() string {
	if c == None {
		return "none"
	}
	return string(c)
}

// Set takes a codec's name.
func (c *Codec) Set(name string) error {
	if name == "none" {
		name = ""
	}
	if _, ok := suffixes[Codec(name)]; !ok {
		return unknown(Codec(name))
	}
	*c = Codec(name)
	return nil
}

// Validate reports a codec that files cannot be written with.
func (c Codec) Validate() error {
	switch _, ok := suffixes[c]; {
	case !ok:
		return unknown(c)
	case c == Bzip2:
		return fmt.Errorf("bzip2 files can be read but not written")
	default:
		return nil
	}
}

func unknown(c Codec) error {
	var names []string
	for known := range suffixes {
		names = append(names, known.String())
	}
	slices.Sort(names)
	return fmt.Errorf("unknown codec %q; known are %s", string(c), strings.Join(names, ", "))
}

// BySuffix returns the codec that the suffix of a file's name or URL stands for. For .snappy, .sz and .lz4 that is the codec of frames;
// NewReader looks which it is.
func BySuffix(name string) Codec {
	switch strings.ToLower(path.Ext(name)) {
	case ".gz", ".gzip":
		return Gzip
	case ".bz2":
		return Bzip2
	case ".zst", ".zstd":
		return Zstd
	case ".lz4":
		return LZ4
	case ".snappy", ".sz":
		return Snappy
	default:
		return None
	}
}

// IsSplittable says whether a part of such a file can be read without what is before it.
func (c Codec) IsSplittable() bool { return c == None || c == Bzip2 }

// Error says where compressed data is not what it should be.
type Error struct {
	Codec  Codec
	Offset int64 // the compressed byte up to which the reader had read
	Err    error // io.ErrUnexpectedEOF when the data ends too early
}
