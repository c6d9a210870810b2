package main

import (
	"bufio"
	"math"
)

const vocabulary = 100_000

// writeWords writes about size bytes of text: lines of 5 to 15 words with one blank between, drawn by
// Zipf's law with exponent 1 from a vocabulary of 100,000 words of 2 to 14 letters; frequent words are short.
func writeWords(dir string, size int64, parts int) error {
	vocab := makeVocabulary()
	draw := newZipf(vocabulary)
	return writeParts(dir, ".txt", parts, func(k int, w *bufio.Writer) error {
		r := newRNG(int64(k), 1000)
		var b []byte
		for n := int64(0); n < size/int64(parts); n += int64(len(b)) {
			b = appendLine(b[:0], r, vocab, draw)
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
}

// appendLine appends one line.
func appendLine(b []byte, r *rng, vocab []string, draw *zipf) []byte {
	for c := 5 + r.intn(11); c > 0; c-- {
		b = append(append(b, vocab[draw.next(r)]...), ' ')
	}
	b[len(b)-1] = '\n'
	return b
}

// makeVocabulary returns distinct words of letters; the word of rank i grows with log(i).
func makeVocabulary() []string {
	vocab := make([]string, vocabulary)
	seen := make(map[string]bool, vocabulary)
	r := &rng{42}
	for i := range vocab {
		word := randomWord(r, i)
		for seen[word] {
			word = randomWord(r, i)
		}
		seen[word] = true
		vocab[i] = word
	}
	return vocab
}

func randomWord(r *rng, rank int) string {
	b := make([]byte, 2+int(math.Log2(float64(rank+2))/2.2)+r.intn(4))
	for i := range b {
		b[i] = r.letter()
	}
	return string(b)
}

// zipf draws ranks with probability proportional to 1/(rank+1) in constant time, by the alias method
// (Walker 1977; Vose 1991).
type zipf struct {
	keep  []float64 // probability to stay at the column drawn
	alias []int     // the rank to take otherwise
}

func newZipf(n int) *zipf {
	z := &zipf{keep: make([]float64, n), alias: make([]int, n)}
	weight := zipfWeights(n)
	var small, large []int
	for i, w := range weight {
		if w < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		z.keep[s], z.alias[s] = weight[s], l
		weight[l] -= 1 - weight[s]
		if weight[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, i := range append(small, large...) {
		z.keep[i] = 1
	}
	return z
}

// zipfWeights returns 1/(i+1), scaled to a mean of 1.
func zipfWeights(n int) []float64 {
	weight := make([]float64, n)
	sum := 0.0
	for i := range weight {
		weight[i] = 1 / float64(i+1)
		sum += weight[i]
	}
	for i := range weight {
		weight[i] *= float64(n) / sum
	}
	return weight
}

func (z *zipf) next(r *rng) int {
	i := r.intn(len(z.keep))
	if r.float() < z.keep[i] {
		return i
	}
	return z.alias[i]
}
