// Package lint checks what the compiler and golangci-lint cannot know: who may import whom. Its test, TestTree, is
// the layer test of the project.
//
//   - [ParseTable] reads the layer table, layers.txt, whose head describes its lines.
//   - [Load] reads the module's packages: go list finds them, and all files that are no tests are parsed whatever
//     their build constraints say, so that a wrong import cannot hide behind a tag or another operating system.
//   - [Table.Check] compares the two and returns a problem for each wrong edge; [CheckFiles] finds init functions,
//     blank imports, imports of package log, and packages without a comment.
//
// The folder size beside it has the command behind make size. Nothing here is linked into a binary of Millrace.
package lint
