package search

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"
	"sync"
	"time"
)

// How common a word is decides how it is searched for, and neither database can
// tell without reading all posts that contain it. Therefore a process keeps a
// sample of the newest posts. The sample may be some minutes old: it affects
// the time of a search, not its result.

const (
	sampleSize = 256 // posts
	sampleText = 16 << 10
	// sampleAge is how long a sample is used, and youngAge how long that of a
	// blog with few posts.
	sampleAge = 10 * time.Minute
	youngAge  = 10 * time.Second
	// common is the number of posts in the sample that contain the words of a
	// search from which a walk through the posts is better.
	common = 3
	// fewGrams is the number of grams that are looked up: the rarest ones. Of
	// rare grams, up to seldomGrams are worth it.
	fewGrams, seldomGrams = 4, 8
)

// Newest returns the ids of the newest published posts, at most limit.
type Newest func(ctx context.Context, limit int) ([]int64, error)

// sample records which of the newest posts contain a gram.
type sample struct {
	made  time.Time
	posts int
	has   map[string]*marks
}

type marks [sampleSize / 64]uint64

func (m *marks) count() (n int) {
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

// samples holds the latest sample.
type samples struct {
	mu   sync.Mutex
	last *sample
}

func (x *Index) sample(ctx context.Context) (*sample, error) {
	x.samples.mu.Lock()
	defer x.samples.mu.Unlock()
	if s := x.samples.last; s != nil {
		age := time.Since(s.made)
		if age < youngAge || age < sampleAge && s.posts == sampleSize {
			return s, nil
		}
	}
	ids, err := x.newest(ctx, sampleSize)
	if err != nil {
		return nil, fmt.Errorf("look for the newest posts: %w", err)
	}
	texts, err := x.texts(ctx, x.db, ids, sampleText)
	if err != nil {
		return nil, fmt.Errorf("read the newest posts: %w", err)
	}
	s := &sample{made: time.Now(), posts: len(texts), has: make(map[string]*marks)}
	for i, text := range texts {
		for _, gram := range Grams(text.Words) {
			m := s.has[gram]
			if m == nil {
				m = new(marks)
				s.has[gram] = m
			}
			m[i/64] |= 1 << (i % 64)
		}
	}
	x.samples.last = s
	return s, nil
}

// choose returns the grams to look up, and how many posts of the sample contain
// them all.
func (s *sample) choose(grams []string) (chosen []string, recent int) {
	var all marks
	for i := range all {
		all[i] = ^uint64(0)
	}
	counts := make(map[string]int, len(grams))
	for _, gram := range grams {
		m := s.has[gram]
		if m == nil {
			m = new(marks)
		}
		counts[gram] = m.count()
		for i := range all {
			all[i] &= m[i]
		}
	}
	chosen = slices.Clone(grams)
	slices.SortStableFunc(chosen, func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
	n := min(len(chosen), fewGrams)
	for n < min(len(chosen), seldomGrams) && counts[chosen[n]] <= common {
		n++
	}
	for n > 1 && counts[chosen[n-1]] > s.posts/8 && counts[chosen[0]] <= common {
		n-- // it excludes next to nothing, and is read from end to end
	}
	return chosen[:n], all.count()
}
