package hdfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/colinmarc/hdfs/v2"

	"github.com/millrace/millrace/vfs"
)

// ErrAuthentication is returned by Open when credentials are missing, expired or refused.
var ErrAuthentication = errors.New("authentication failed")

// errReplaced is returned by reads of a file whose name meanwhile leads to another.
var errReplaced = errors.New("the file was replaced while it was being read")

// RemoteError is an exception of the NameNode. It matches fs.ErrNotExist, fs.ErrPermission and so on by errors.Is,
// where its class has a meaning there.
type RemoteError struct {
	Method    string // the call, such as "addBlock"
	Exception string // Java class, such as "org.apache.hadoop.hdfs.protocol.DSQuotaExceededException"
	Message   string // its first line
}

func (e *RemoteError) Error() string {
	class := e.Exception[strings.LastIndexByte(e.Exception, '.')+1:]
	if e.Message == "" {
		return class
	}
	return class + ": " + e.Message
}

// exceptions are the Java classes with a meaning in package vfs.
var exceptions = map[string]error{
	"java.io.FileNotFoundException":                                       fs.ErrNotExist,
	"org.apache.hadoop.security.AccessControlException":                   fs.ErrPermission,
	"org.apache.hadoop.fs.FileAlreadyExistsException":                     fs.ErrExist,
	"org.apache.hadoop.hdfs.protocol.AlreadyBeingCreatedException":        fs.ErrExist,
	"org.apache.hadoop.fs.PathIsNotEmptyDirectoryException":               vfs.ErrNotEmpty,
	"org.apache.hadoop.fs.ParentNotDirectoryException":                    vfs.ErrNotDir,
	"org.apache.hadoop.HadoopIllegalArgumentException":                    fs.ErrInvalid,
	"org.apache.hadoop.fs.InvalidPathException":                           fs.ErrInvalid,
	"org.apache.hadoop.hdfs.server.namenode.SafeModeException":            vfs.ErrUnavailable,
	"org.apache.hadoop.hdfs.server.namenode.NotReplicatedYetException":    vfs.ErrUnavailable,
	"org.apache.hadoop.ipc.RetriableException":                            vfs.ErrUnavailable,
	"org.apache.hadoop.ipc.StandbyException":                              vfs.ErrUnavailable,
	"org.apache.hadoop.ipc.ObserverRetryOnActiveException":                vfs.ErrUnavailable,
	"org.apache.hadoop.hdfs.protocol.DSQuotaExceededException":            vfs.ErrUnavailable,
	"org.apache.hadoop.hdfs.protocol.NSQuotaExceededException":            vfs.ErrUnavailable,
	"org.apache.hadoop.hdfs.protocol.QuotaByStorageTypeExceededException": vfs.ErrUnavailable,
}

// Is matches the sentinel that the exception's class stands for.
func (e *RemoteError) Is(target error) bool {
	known, ok := exceptions[e.Exception]
	if !ok && e.lacksDataNodes() {
		known = vfs.ErrUnavailable
	}
	return known != nil && known == target
}

// lacksDataNodes tells an exception of no class of its own: no DataNode would take a block.
func (e *RemoteError) lacksDataNodes() bool {
	return strings.Contains(e.Message, "could only be written to") || strings.Contains(e.Message, "could only be replicated to")
}

// isQuota tells an exception that is about room but will not pass by itself.
func (e *RemoteError) isQuota() bool { return strings.Contains(e.Exception, "QuotaExceeded") }

// translate turns an error of the library into the contract's terms: its path wrappers come off, exceptions become
// *RemoteError, and what failed on the way to the cluster is marked unavailable.
func translate(err error) error {
	if err == nil {
		return nil
	}
	for {
		path, ok := err.(*os.PathError) //nolint:errorlint // what lies deeper was wrapped on purpose
		if !ok || path.Err == nil {
			break
		}
		err = path.Err
	}
	var remote hdfs.Error
	switch {
	case errors.As(err, &remote):
		message, _, _ := strings.Cut(strings.TrimSpace(remote.Message()), "\n")
		return &RemoteError{Method: remote.Method(), Exception: remote.Exception(), Message: message}
	case errors.Is(err, syscall.ENOTEMPTY):
		return vfs.ErrNotEmpty
	case isOurs(err):
		return err
	}
	return vfs.Unavailable(err)
}

// isOurs tells an error that needs no translation: whatever is not from the network.
func isOurs(err error) bool {
	if _, ok := errors.AsType[*RemoteError](err); ok {
		return true
	}
	for _, known := range []error{
		fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrInvalid, fs.ErrClosed, vfs.ErrIsDir, vfs.ErrNotDir, vfs.ErrNotEmpty,
		context.Canceled, context.DeadlineExceeded, vfs.ErrUnavailable, ErrAuthentication, errReplaced, errCorrupt, errClosed,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// errLostAnswer is the end of a Create whose outcome cannot be known: another client may hold the name.
var errLostAnswer = fmt.Errorf("%w: the answer was lost; the file is there, made by this call or by another client", vfs.ErrUnavailable)

// errCorrupt is a block whose checksum is wrong on every replica that could be reached.
var errCorrupt = errors.New("corrupt block: no replica has the right checksum")

// translateRead is translate for errors of reads, among which the library's checksum error can be told by its text
// only.
func translateRead(err error) error {
	if err != nil && err.Error() == "invalid checksum" {
		return errCorrupt
	}
	return translate(err)
}

// isTransient tells whether a translated error may pass while one waits a little.
func isTransient(err error) bool {
	var remote *RemoteError
	if errors.As(err, &remote) && remote.isQuota() {
		return false
	}
	return vfs.IsUnavailable(err) && !errors.Is(err, errClosed) && !errors.Is(err, errLostAnswer)
}

// translateOpen is translate for the first contact, where refused authentication shows only as a broken
// conversation.
func (f *FS) translateOpen(err error) error {
	switch {
	case isOurs(err):
		return err
	case strings.Contains(err.Error(), "unexpected sequence number"):
		return fmt.Errorf("%w: the NameNode does not take simple authentication; hadoop.security.authentication in the configuration (%q) should say kerberos",
			ErrAuthentication, f.conf.dir)
	case strings.Contains(err.Error(), "SASL handshake"), strings.Contains(err.Error(), "kerberos authentication not supported"):
		return fmt.Errorf("%w: %w", ErrAuthentication, err)
	}
	return translate(err)
}

// fail wraps err with the operation and the URL, translated. A nil err stays nil.
func (f *FS) fail(op, path string, err error) error {
	return vfs.PathError(op, f.URL(path), translate(err))
}
