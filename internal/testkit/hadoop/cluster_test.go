//go:build integration

package hadoop_test

import (
	"testing"

	"github.com/millrace/millrace/internal/testkit/hadoop"
)

func TestStartAndRestart(t *testing.T) {
	c := hadoop.Start(t, hadoop.Options{DataNodes: 3})
	c.KillDataNode(2)
	c.RestartNameNode(t)
	c.StartDataNode(t, 2)
	c.AwaitDataNodes(t, 3)
}
