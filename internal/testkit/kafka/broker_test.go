//go:build integration

package kafka_test

import (
	"testing"

	"github.com/millrace/millrace/internal/testkit/kafka"
)

func TestStartAndRestart(t *testing.T) {
	k := kafka.Start(t, map[string]string{"transaction.max.timeout.ms": "60000"})
	k.CreateTopic(t, "a", 3)
	k.Kill()
	k.Restart(t)
	topics, err := k.Admin(t).ListTopics(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(topics["a"].Partitions); n != 3 {
		t.Errorf("after a kill the topic has %d partitions", n)
	}
}
