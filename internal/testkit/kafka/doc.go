// Package kafka starts a real Kafka for integration tests: one broker of Apache Kafka, its own controller, on loopback, that can be killed and
// restarted while a test runs. Test-only; imports nothing of ours.
//
//	k := kafka.Start(t, nil)
//	k.CreateTopic(t, "clicks", 4)
//	client, err := kgo.NewClient(kgo.SeedBrokers(k.Addr))
//	k.Kill()                 // kill -9
//	k.Restart(t)
//
// [Fake] is one in the test's own process, for tests that are no integration tests. [Produce] and [Consume] are for either.
//
// The jars come from Maven, once, into $XDG_CACHE_HOME/millrace-test/kafka-<version> (fetch.sh, which Start runs when they are missing). The
// environment needs java (17 or newer) and, for the first time, mvn. What is missing fails the test: nothing is skipped.
//
// A start takes 6 to 10 seconds and 150 MB. The process is killed when the test ends, and by the kernel (Pdeathsig) when the test process dies; the
// tail of its log is part of a start failure.
package kafka
