package kafka

import (
	"time"

	"github.com/millrace/millrace/connectors"
)

// Crash ends a writer as the death of its process does: the brokers are told nothing.
func (w *writer) Crash() {
	if w.client != nil {
		w.client.Close()
	}
	if w.transactions != nil {
		w.transactions.close()
	}
}

// SetAbsence says how long a topic is not there before a reader takes it for deleted.
func SetAbsence(r connectors.Reader, d time.Duration) { r.(*reader).absence = d }
