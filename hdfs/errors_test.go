package hdfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/millrace/millrace/vfs"
)

// exception is a NameNode's error as the library hands it out.
type exception struct{ class, message string }

func (e exception) Method() string    { return "call" }
func (e exception) Desc() string      { return "ERROR_APPLICATION" }
func (e exception) Exception() string { return e.class }
func (e exception) Message() string   { return e.message }
func (e exception) Error() string     { return "call failed" }

func TestTranslate(t *testing.T) {
	for _, x := range []struct {
		name      string
		err, want error
		transient bool
	}{
		{"wrapped not exist", &os.PathError{Op: "stat", Path: "/x", Err: os.ErrNotExist}, fs.ErrNotExist, false},
		{"not empty", &os.PathError{Op: "remove", Path: "/x", Err: syscall.ENOTEMPTY}, vfs.ErrNotEmpty, false},
		{"missing parent", exception{"java.io.FileNotFoundException", "no parent\n\tat java"}, fs.ErrNotExist, false},
		{"below a file", exception{"org.apache.hadoop.fs.ParentNotDirectoryException", ""}, vfs.ErrNotDir, false},
		{"safe mode", &os.PathError{Op: "create", Path: "/x", Err: exception{"org.apache.hadoop.hdfs.server.namenode.SafeModeException", ""}}, vfs.ErrUnavailable, true},
		{"no DataNodes", exception{"java.io.IOException", "File /x could only be written to 0 of the 1 minReplication nodes."}, vfs.ErrUnavailable, true},
		{"quota", exception{"org.apache.hadoop.hdfs.protocol.DSQuotaExceededException", ""}, vfs.ErrUnavailable, false},
		{"other exception", exception{"java.io.IOException", "odd"}, nil, false},
		{"reset", syscall.ECONNRESET, vfs.ErrUnavailable, true},
		{"EOF", io.EOF, vfs.ErrUnavailable, true},
		{"cancelled", context.Canceled, context.Canceled, false},
		{"closed", errors.Join(errClosed, io.EOF), errClosed, false},
		{"answer lost", errLostAnswer, vfs.ErrUnavailable, false},
	} {
		got := translate(x.err)
		if x.want != nil && !errors.Is(got, x.want) {
			t.Errorf("%s: %v is not %v", x.name, got, x.want)
		}
		if again := translate(got); again.Error() != got.Error() {
			t.Errorf("%s: translated twice: %v", x.name, again)
		}
		if isTransient(got) != x.transient {
			t.Errorf("%s: transient is %v", x.name, isTransient(got))
		}
	}
	var remote *RemoteError
	err := translate(exception{"java.io.FileNotFoundException", "no parent\n\tat java"})
	if !errors.As(err, &remote) || err.Error() != "FileNotFoundException: no parent" {
		t.Errorf("got %v", err)
	}
	if translate(nil) != nil {
		t.Error("nil is an error")
	}
}
