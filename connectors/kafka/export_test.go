package kafka

// Crash ends a writer as the death of its process does: the brokers are told nothing.
func (w *writer) Crash() {
	if w.client != nil {
		w.client.Close()
	}
	if w.transactions != nil {
		w.transactions.close()
	}
}
