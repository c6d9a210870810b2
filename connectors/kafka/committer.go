package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/connectors"
)

// ErrLost says that records which a checkpoint has prepared are not in the topic: Kafka has given their transaction up, or another user of its
// name has ended it.
var ErrLost = errors.New("the transaction cannot be committed any more: its records are lost")

// committer commits the transactions of all tasks. It is no connectors.Undoer: what readers of committed records have seen stays.
type committer struct {
	cluster cluster
	names   names
}

// commitsAtOnce is how many transactions are committed at a time.
const commitsAtOnce = 16

// Commit implements connectors.Committer.
func (c *committer) Commit(ctx context.Context, list []connectors.Committable, final bool) (connectors.Published, error) {
	var p connectors.Published
	var all []prepared
	for _, item := range list {
		t, err := decodePrepared(item.Data)
		if err != nil {
			return connectors.Published{}, err
		}
		if t.ID != "" {
			all = append(all, t)
		}
		p.Rows += item.Rows
		p.Bytes += item.Bytes
	}
	if len(all) == 0 && !final {
		return p, nil
	}
	client, err := c.cluster.client()
	if err != nil {
		return connectors.Published{}, err
	}
	defer client.Close()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(commitsAtOnce)
	for _, t := range all {
		g.Go(func() error { return t.commit(gctx, client) })
	}
	err = g.Wait()
	if err == nil && final { // attempts that lost
		err = abortAll(ctx, client, c.names)
	}
	if err != nil {
		return connectors.Published{}, err
	}
	return p, nil
}

// Check implements connectors.Checker: the brokers know each transaction, and it is open or committed.
func (c *committer) Check(ctx context.Context, list []connectors.Committable) error {
	if len(list) == 0 {
		return nil
	}
	client, err := c.cluster.client()
	if err != nil {
		return err
	}
	defer client.Close()
	for _, item := range list {
		t, err := decodePrepared(item.Data)
		if err == nil && t.ID != "" {
			err = t.check(ctx, client)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Abort implements connectors.Committer. What a stream has prepared, a later run may have to commit; what is open beside, that run aborts.
func (c *committer) Abort(ctx context.Context) error {
	if c.names.run == "" {
		return nil
	}
	client, err := c.cluster.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return abortAll(ctx, client, c.names)
}

// abortAll aborts all of a sink's open transactions.
func abortAll(ctx context.Context, client *kgo.Client, n names) error {
	found, err := listTransactions(ctx, client, n)
	if err != nil {
		return err
	}
	for _, l := range found {
		if isOpen(l.State) {
			if err := abort(ctx, client, l.TxnID); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	// firstPause doubles up to longestPause between two tries of what passes by itself.
	firstPause   = 10 * time.Millisecond
	longestPause = time.Second
	// commitPatience bounds how long one transaction is tried; then the caller may try anew.
	commitPatience = 2 * time.Minute
)

// retry calls try until its error is nil or one that does not pass.
func retry(ctx context.Context, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, commitPatience)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := try(ctx)
		if err == nil || !isPassing(err) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

// isPassing says whether an error goes away by itself: a transaction that is ending, a coordinator that moves, a broker that is being started
// again.
func isPassing(err error) bool {
	var lost net.Error
	return errors.Is(err, kerr.ConcurrentTransactions) || kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) ||
		errors.As(err, &lost) && !errors.Is(err, context.DeadlineExceeded)
}

// commit makes the transaction's records visible. It may have been done already.
func (p prepared) commit(ctx context.Context, client *kgo.Client) error {
	err := retry(ctx, func(ctx context.Context) error {
		r := kmsg.NewPtrEndTxnRequest()
		r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Commit = p.ID, p.ProducerID, p.Epoch, true
		response, err := r.RequestWith(ctx, client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(response.ErrorCode)
	})
	if err == nil {
		return nil
	}
	if !isRefused(err) {
		return fmt.Errorf("committing the transaction %s: %w", p.ID, err)
	}
	done, lookErr := p.isCommitted(ctx, client)
	if lookErr != nil {
		return fmt.Errorf("committing the transaction %s: %w", p.ID, errors.Join(err, lookErr))
	}
	if done {
		return nil
	}
	return fmt.Errorf("committing the transaction %s of producer %d, epoch %d: %w (%w); "+
		"was the job down for longer than TransactionTimeout, or does another use the same names?", p.ID, p.ProducerID, p.Epoch, ErrLost, err)
}

// isRefused says whether the brokers know no open transaction like that.
func isRefused(err error) bool {
	for _, e := range []error{
		kerr.InvalidTxnState, kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidProducerIDMapping, kerr.TransactionalIDNotFound,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// isCommitted says whether the last transaction of that name is this one, and committed. Committing raises the epoch by one, or, from the
// highest on, gives another producer id with epoch 0.
func (p prepared) isCommitted(ctx context.Context, client *kgo.Client) (bool, error) {
	d, err := p.describe(ctx, client)
	if err != nil {
		return false, err
	}
	if d.State != stateCommitted { // or there is none of the name
		return false, nil
	}
	same := d.ProducerID == p.ProducerID && (d.ProducerEpoch == p.Epoch || d.ProducerEpoch == p.Epoch+1)
	return same || p.Epoch >= math.MaxInt16-1 && d.ProducerEpoch == 0, nil
}

// abort ends a transaction by fencing its producer.
func abort(ctx context.Context, client *kgo.Client, id string) error {
	err := retry(ctx, func(ctx context.Context) error {
		r := kmsg.NewPtrInitProducerIDRequest()
		r.TransactionalID, r.TransactionTimeoutMillis = &id, int32(time.Minute.Milliseconds())
		r.ProducerID, r.ProducerEpoch = -1, -1
		response, err := r.RequestWith(ctx, client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(response.ErrorCode)
	})
	if err != nil {
		return fmt.Errorf("aborting the transaction %s: %w", id, err)
	}
	return nil
}

// describe asks for the last transaction of that name; its state is empty when there is none.
func (p prepared) describe(ctx context.Context, client *kgo.Client) (kadm.DescribedTransaction, error) {
	var found kadm.DescribedTransactions
	err := retry(ctx, func(ctx context.Context) (err error) {
		found, err = kadm.NewClient(client).DescribeTransactions(ctx, p.ID)
		return err
	})
	return found[p.ID], err
}

// check returns ErrLost when the transaction cannot be committed.
func (p prepared) check(ctx context.Context, client *kgo.Client) error {
	d, err := p.describe(ctx, client)
	if err != nil {
		return fmt.Errorf("asking for the state of the transaction %s: %w", p.ID, err)
	}
	if isOpen(d.State) && d.ProducerID == p.ProducerID && d.ProducerEpoch == p.Epoch {
		return nil
	}
	if done, err := p.isCommitted(ctx, client); done || err != nil {
		return err
	}
	return fmt.Errorf("the transaction %s of producer %d, epoch %d, is in the state %q: %w", p.ID, p.ProducerID, p.Epoch, d.State, ErrLost)
}
