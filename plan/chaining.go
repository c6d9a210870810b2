package plan

// Chaining says whether a node may run in one chain with its neighbours, without an exchange between them.
type Chaining uint8

// The ways of chaining.
const (
	ChainFreely Chaining = iota
	ChainHead            // not with the node before it
	ChainNever           // neither with the node before it nor with those behind it
)

// StartChain makes the node begin a chain: what is before it runs in another task, at the same time.
func StartChain() Option {
	return func(n *Node) { n.Chaining = max(n.Chaining, ChainHead) }
}

// DisableChaining makes the node run in tasks of its own.
func DisableChaining() Option { return func(n *Node) { n.Chaining = ChainNever } }

// MayChain says whether the node may run in one chain with its first input.
func (n *Node) MayChain() bool {
	return n.Chaining == ChainFreely && (len(n.Inputs) == 0 || n.Inputs[0].Chaining != ChainNever)
}
