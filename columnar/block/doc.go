// Package block is the one form in which batches leave memory: on the network, in blocking exchange files and in spill files.
//
//   - [Encoder] writes a batch as a block: only the rows that count, with their times and kinds, compressed when that pays.
//   - [Decoder] reads a block into a fresh batch whose columns are views of one buffer.
//   - [Reader] reads block after block from a stream.
//   - [EncodeSchema] writes a schema. It travels once a stream, not with each block; blocks carry its fingerprint.
//   - [AppendRaw] makes blocks of bytes that only the stream's two ends understand: schemas, barriers, watermarks.
//
// Whatever bytes come in, decoding returns a batch or an error that matches [ErrCorrupt]; it does not panic and takes no more memory than
// [Decoder.MaxBytes] and a few times the size of what it was given. What it does not check is whether strings are UTF-8.
//
// # Format
//
// All numbers are little endian. A block is a header, the stored payload, and zeros up to a multiple of 8 bytes.
//
//	 0  4  magic "MRB" and the version, 1
//	 4  1  kind: 1 rows, 2 schema, from 16 on what the stream's ends agree on
//	 5  1  codec of the payload: 0 none, 1 lz4 block, 2 s2 block, 3 zstd frame
//	 6  1  flags: 1 there are times, 2 there are row kinds
//	 7  1  0
//	 8  4  channel
//	12  4  rows
//	16  8  sequence number in the channel
//	24  4  stored bytes of the payload
//	28  4  plain bytes of the payload, at most 1 GiB
//	32  4  fingerprint of the schema: the low half of xxh3-64 over its encoding; 0 when kind is not rows
//	36  4  header check: the low half of xxh3-64 over bytes 0 to 36
//	40  8  xxh3-64 over the stored payload, seeded with the header check
//	48     the stored payload
//
// The plain payload of a block of rows begins with one byte for each column, children after their parents, in the order of the schema:
//
//	bit 0     a validity bitmap is there; without it no row is null
//	bits 1-2  width of the lengths of a string, binary, list or map column: 0, 1, 2 for 1, 2, 4 bytes
//
// Then come the buffers of the columns in the same order, then times, then row kinds. Each buffer, and the bytes at the beginning too, are
// padded with zeros to a multiple of 8. Buffers have Arrow's layout, with one exception: where Arrow has offsets, there are lengths of the
// width above. They take a quarter of the room for short strings, compress better, and cannot run backwards.
//
//	any column     [validity bits]
//	fixed width    values           bool            bits
//	string,binary  lengths, bytes   list,map,struct [lengths] and the buffers of the children
//
// # Stability
//
// Engine-private. Files in this format do not outlive a job, so a new version need not read an old one's.
package block
