//go:build integration

package main

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/testkit/hadoop"
	"github.com/millrace/millrace/runner"
)

// TestOnHDFS has the commands work on a real cluster, as a user would.
func TestOnHDFS(t *testing.T) {
	c := hadoop.Start(t, hadoop.Options{})
	s := newSandbox(t)
	s.env = append(s.env, "HADOOP_CONF_DIR="+c.ConfDir, "U=hdfs://"+c.NameNode)
	succeed := func(line, want string) {
		t.Helper()
		stdout, stderr, code := s.run(t, line)
		if code != runner.ExitComplete || !strings.Contains(stdout, want) {
			t.Fatalf("%s: exit code %d, want %q in\n%s%s", line, code, want, stdout, stderr)
		}
		t.Logf("%s\n%s%s", line, stdout, stderr)
	}
	succeed("millrace fs mkdir $U/books && millrace doctor $U/books", "ok    security: none; user ")
	succeed("printf 'to be or not\\nTo be\\n' >in.txt && millrace fs put in.txt $U/books && millrace fs ls $U/books", "/books/in.txt")
	succeed("millrace submit -p 2 --memory 256m wordcount --in $U/books --out $U/counts && millrace fs cat $U/counts/part-*", "be,2\n")
	succeed("millrace submit wordcount --in '/dev/null' --out hdfs:///empty && millrace fs ls hdfs:///empty", "_SUCCESS")
	succeed("millrace submit --files $U/books/in.txt ./trial --rows 1 --print --lookup in.txt", "to be or not")
	succeed("millrace fs get $U/counts . && millrace fs du counts && millrace fs rm -r $U/counts", "counts")
	_, stderr, code := s.run(t, "millrace submit wordcount --in $U/nope --out $U/counts")
	if code != runner.ExitFailed || !strings.Contains(stderr, "/nope") {
		t.Errorf("a missing input: exit code %d: %s", code, stderr)
	}
	c.KillNameNode(0)
	_, stderr, code = s.run(t, "millrace submit -D hdfs-patience=1s wordcount --in $U/books --out $U/counts")
	if code != runner.ExitSurroundings {
		t.Errorf("no NameNode: exit code %d: %s", code, stderr)
	}
}

// TestOnSecureHDFS logs in by keytab, and by nothing.
func TestOnSecureHDFS(t *testing.T) {
	c := hadoop.Start(t, hadoop.Options{Kerberos: true})
	s := newSandbox(t)
	s.env = append(s.env, "HADOOP_CONF_DIR="+c.ConfDir, "KRB5_CONFIG="+c.KDC.Conf, "KRB5CCNAME=/nope/cache", "U=hdfs://"+c.NameNode, "K="+c.KDC.Keytab,
		"P="+c.KDC.Principal)
	stdout, stderr, code := s.run(t, "millrace doctor --principal $P --keytab $K $U/tmp || millrace doctor --principal $P --keytab $K $U/")
	if !strings.Contains(stdout, "security: Kerberos; "+c.KDC.Principal) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	_, stderr, code = s.run(t, "millrace submit wordcount --in $U/ --out out")
	if code != runner.ExitUsage || !strings.Contains(stderr, "kinit") {
		t.Errorf("without a ticket: exit code %d: %s", code, stderr)
	}
	_, stderr, code = s.run(t, "millrace submit --principal $P wordcount --in $U/ --out out")
	if code != runner.ExitUsage || !strings.Contains(stderr, "keytab") {
		t.Errorf("without a keytab: exit code %d: %s", code, stderr)
	}
}
