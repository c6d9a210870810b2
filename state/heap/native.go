package heap

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/millrace/millrace/state"
)

// What is frozen can be saved in files of the store's own, a chain: the first ones have all rows, those behind them what was written since the
// ones before. A row that is in several counts as the last one has it. So a checkpoint writes what has changed, and refers to what earlier ones
// have written.
//
//	7c-00000003-0000.heap   all rows as they were when epoch 3 ended
//	7c-00000004-0000.heap   the rows of chunks that were written in epoch 4, and of those the ones that were
//	7c-00000007-0000.heap   the same of epochs 5 to 7
//
// Names have the store's run, which tells its files from those of another, the epoch, and a number: a file has about filePieces bytes of chunks.
//
// A file:
//
//	"millrace heap 1\n"
//	groups   records one after the other, by place in the group
//	foot     JSON, see below
//	check    of the foot: CRC-32C, 4 bytes
//	length   of the foot, 4 bytes
//
//	record   distance to the place before it << 1 | whether there is a row, as varint; of a row that is there in addition:
//	key      its length as varint, and the bytes
//	marks    as in the row
//	cells    of each table without namespaces that has one: its length as varint, and the bytes, the time of writing before them if it has a
//	         time to live; of others, for each cell: the length of the namespace + 1, the namespace, the length of the cell, the cell; then 0
//
// Numbers of fixed width are little-endian.
const (
	fileMagic  = "millrace heap 1\n"
	fileSuffix = ".heap"

	// fileBytes is how many bytes of chunks a file is made from: what fails is written again file by file.
	fileBytes = 128 << 20

	// maxChain is how many links a chain has at most: when it is read, all are open.
	maxChain = 16
)

// foot is what a file says of itself.
type foot struct {
	Epoch  uint32        `json:"epoch"`
	Tables []state.Table `json:"tables"`
	// Groups has the key groups, ascending, and where the records of each are: group, offset, bytes.
	Groups [][3]int64 `json:"groups"`
}

// IsFile says whether a file of a native snapshot is one of this back end.
func IsFile(name string) bool { return strings.HasSuffix(name, fileSuffix) }

// link is what a chain has of one epoch.
type link struct {
	epoch uint32
	bytes int64
	files []state.File
}

// chainOf finds the files of a store among those of an earlier snapshot, by epoch.
func (s *store) chainOf(base []state.File) (chain []link) {
	base = slices.Clone(base)
	slices.SortFunc(base, func(a, b state.File) int { return cmp.Compare(a.Name, b.Name) })
	for _, f := range base {
		rest, ok := strings.CutPrefix(f.Name, s.run+"-")
		if !ok || !IsFile(f.Name) {
			continue
		}
		var epoch uint32
		var number int
		if n, err := fmt.Sscanf(rest, "%08x-%04d"+fileSuffix, &epoch, &number); n != 2 || err != nil {
			continue
		}
		if len(chain) == 0 || chain[len(chain)-1].epoch != epoch {
			chain = append(chain, link{epoch: epoch})
		}
		last := &chain[len(chain)-1]
		last.bytes += f.Size
		last.files = append(last.files, f)
	}
	return chain
}

// isLong says that all rows should be written again rather than another link: what the links have behind the first, with one more like the last,
// is as much as the first.
func isLong(chain []link) bool {
	if len(chain) == 0 || len(chain) >= maxChain {
		return true
	}
	var more int64
	for i := range chain[1:] {
		more += chain[1+i].bytes
	}
	if len(chain) > 1 {
		more += chain[len(chain)-1].bytes
	}
	return more > chain[0].bytes
}

// Files returns the files of base that are this store's, and one or more of what has changed since; or of everything.
func (v *view) Files(base []state.File) (files []state.File) {
	if from := v.store.cfg.NativeFrom; from <= 0 || v.used < from {
		return nil
	}
	chain := v.store.chainOf(base)
	since := uint32(0)
	if n := len(chain); !isLong(chain) && chain[n-1].epoch <= v.epoch && v.epoch-chain[n-1].epoch < 1<<16 {
		since = chain[n-1].epoch
		for _, l := range chain {
			files = append(files, l.files...)
		}
	}
	for number, groups := range v.cut(since) {
		files = append(files, state.File{
			Name: fmt.Sprintf("%s-%08x-%04d%s", v.store.run, v.epoch, number, fileSuffix), Size: -1, Shared: true,
			Open: func() (io.ReadCloser, error) { return newFileReader(v, since, groups), nil },
		})
	}
	return files
}

// cut divides the groups that were written behind an epoch among files.
func (v *view) cut(since uint32) (files [][]int) {
	bytes := fileBytes
	for g := range v.ends {
		changed := 0
		for i := range v.dirs[g].entries {
			if epochOf(v.dirs[g].entry(i, v.epoch)) > since {
				changed += chunkBytes
			}
		}
		if changed == 0 {
			continue
		}
		if bytes >= fileBytes {
			files, bytes = append(files, nil), 0
		}
		files[len(files)-1] = append(files[len(files)-1], g)
		bytes += changed
	}
	return files
}
