// Package timing measures whether the time of a verification tells what was wrong with a request. What judges
// a time runs with the build tag timing only, by make timing: it needs a quiet machine. The tests without the tag show
// that the measurement measures.
package timing

import (
	"math"
	"math/rand/v2"
	"testing"
)

// made is a sample as machines make them: a floor, a long tail, slow spells that last, and b longer by a shift.
func made(n int, shift float64, seed uint64) sample {
	random := rand.New(rand.NewPCG(seed, 1))
	s := sample{make([]float64, n), make([]float64, n)}
	spell := 0.0
	for i := range n {
		if i%500 == 0 {
			spell = 100 * random.Float64()
		}
		one := func() float64 {
			x := 2000 + spell + 40*random.NormFloat64()
			if random.IntN(50) == 0 {
				x += 5000 * random.ExpFloat64()
			}
			return math.Round(x)
		}
		s.a[i], s.b[i] = one(), one()+shift
	}
	return s
}

func TestStatistics(t *testing.T) {
	for _, test := range []struct {
		name  string
		shift float64
		want  bool
	}{
		{"equal", 0, false},
		{"four nanoseconds of two thousand", 4, true},
		{"twenty nanoseconds", 20, true},
		{"the other way round", -20, true},
	} {
		for seed := range uint64(5) {
			v := made(100_000, test.shift, seed).judge()
			if v.differs() != test.want {
				t.Errorf("%s, seed %d: %+v, want a difference: %v", test.name, seed, v, test.want)
			}
		}
	}
}

// A difference in the tail alone, which leaves the medians as they are, is found too.
func TestStatisticsOfTheTail(t *testing.T) {
	s := made(100_000, 0, 7)
	for i := range s.b {
		if i%20 == 0 {
			s.b[i] += 3000
		}
	}
	if v := s.judge(); !v.differs() {
		t.Errorf("%+v, want a difference", v)
	}
}
