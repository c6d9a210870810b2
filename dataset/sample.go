package dataset

import "math/rand/v2"

// sampler returns a function that keeps records with the probability given; each task has a sequence of random numbers of its own.
func sampler[T any](probability float64, seed uint64) func(task int) func(T, func(T)) {
	return func(task int) func(T, func(T)) {
		random := rand.New(rand.NewPCG(seed, uint64(task))) //nolint:gosec // a sample is no secret
		return func(v T, give func(T)) {
			if random.Float64() < probability {
				give(v)
			}
		}
	}
}
