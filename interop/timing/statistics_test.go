package timing

import (
	"math"
	"slices"
)

// sample holds the times of two kinds of requests, in nanoseconds. The times at one index were taken right after each
// other, in an order drawn by lot.
type sample struct{ a, b []float64 }

// verdict is what the statistics say about two kinds of requests.
type verdict struct {
	medianA, medianB float64
	t                float64 // Welch's, the largest in size over all crops
	kept             float64 // the share of the measurements that this crop keeps
	tP               float64 // two-sided, of that t
	sign             float64 // z of the paired sign test
	signP            float64
}

// limit is how far from zero t and z may be: one in about 150,000 comparisons of equals goes beyond it.
const limit = 4.5

func (v verdict) differs() bool { return math.Abs(v.t) >= limit || math.Abs(v.sign) >= limit }

// crops are the shares of the fastest measurements that are compared. What interrupts a measurement makes it longer and
// never shorter, so a small difference hides in the noise of the slow ones; which crop shows it best is not known
// beforehand.
func crops() []float64 {
	list := []float64{1}
	for i := 1; i <= 20; i++ {
		list = append(list, 1-math.Pow(0.5, float64(i)/4))
	}
	return list
}

func (s sample) judge() verdict {
	v := verdict{medianA: median(s.a), medianB: median(s.b)}
	pooled := slices.Concat(s.a, s.b)
	slices.Sort(pooled)
	for _, share := range crops() {
		edge := pooled[int(share*float64(len(pooled)-1))]
		if t := welch(below(s.a, edge), below(s.b, edge)); math.Abs(t) >= math.Abs(v.t) {
			v.t, v.kept = t, share
		}
	}
	v.tP = math.Erfc(math.Abs(v.t) / math.Sqrt2)
	v.sign = signTest(s.a, s.b)
	v.signP = math.Erfc(math.Abs(v.sign) / math.Sqrt2)
	return v
}

func below(list []float64, edge float64) []float64 {
	var out []float64
	for _, x := range list {
		if x <= edge {
			out = append(out, x)
		}
	}
	return out
}

// welch is the t of two samples whose variances may differ; 0 when there is too little to compare.
func welch(a, b []float64) float64 {
	if len(a) < 1000 || len(b) < 1000 {
		return 0
	}
	meanA, varA := moments(a)
	meanB, varB := moments(b)
	wide := math.Sqrt(varA/float64(len(a)) + varB/float64(len(b)))
	if wide == 0 {
		return 0
	}
	return (meanA - meanB) / wide
}

func moments(list []float64) (mean, variance float64) {
	for _, x := range list {
		mean += x
	}
	mean /= float64(len(list))
	for _, x := range list {
		variance += (x - mean) * (x - mean)
	}
	return mean, variance / float64(len(list)-1)
}

// signTest is the z of how often a took longer than the b next to it.
// Measurements that follow each other are not independent, which Welch's test
// takes them to be; here only the order within a pair counts.
func signTest(a, b []float64) float64 {
	var longer, shorter float64
	for i := range a {
		switch {
		case a[i] > b[i]:
			longer++
		case a[i] < b[i]:
			shorter++
		}
	}
	if longer+shorter == 0 {
		return 0
	}
	return (longer - shorter) / math.Sqrt(longer+shorter)
}

func median(list []float64) float64 {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}
