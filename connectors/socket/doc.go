// Package socket reads lines that somebody writes to a socket: for trying things out, for measuring, for feeds that are not worth keeping.
//
// Delivery is at most once, and there is no way to make it more: a socket cannot be asked again. What was received after the last checkpoint is
// lost when the job goes on from it, and so is what is sent while nobody is connected. Read from Kafka or from files what must not be lost.
//
// Stability: public. The package starts no goroutines.
package socket
