//go:build timing

package timing

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"testing"
)

// rounds is how often each kind of request is measured.
const rounds = 150_000

// tries is how often a difference must show before it counts. What is in the
// code shows every time; a machine that does something else for a moment does
// not.
const tries = 3

// likeness is how far apart the median times may be of keys that are there and keys that are not, as a share. Another
// way through the code costs some dozens of nanoseconds, whatever it does, and Welch's test finds each of them.
const likeness = 0.05

// T1, S3: how much of a digest or of a message signature is right cannot be told from the time. Tokens have no such test: what
// is compared is a keyed hash, and the time of their public checksum, which follows from the text, would be found.
func TestT1Digest(t *testing.T) {
	for _, scheme := range []string{headerScheme, messages} {
		t.Run(scheme, func(t *testing.T) { judgeDigest(t, newBench(t, scheme)) })
	}
}

func judgeDigest(t *testing.T, b *bench) {
	t.Helper()
	for try := range uint64(tries) {
		times := b.measure(t, rounds, try)
		v := sample{times[firstWrong], times[lastWrong]}.judge()
		t.Logf("measurement %d: %s", try+1, describe(firstWrong, lastWrong, v))
		if !v.differs() {
			return
		}
	}
	t.Errorf("in each of %d measurements the time told which byte of the digest was wrong", tries)
}

// T1, S4: whether there is such a key cannot be told from the time, nor whether it was revoked.
func TestT1Key(t *testing.T) {
	for _, scheme := range []string{headerScheme, messages} {
		t.Run(scheme, func(t *testing.T) { judgeKey(t, newBench(t, scheme)) })
	}
}

func judgeKey(t *testing.T, b *bench) {
	t.Helper()
	differ := make(map[int]int)
	for try := range uint64(tries) {
		times := b.measure(t, rounds, try)
		for _, kind := range []int{unknownKey, revokedKey} {
			v := sample{times[lastWrong], times[kind]}.judge()
			t.Logf("measurement %d: %s", try+1, describe(lastWrong, kind, v))
			if math.Abs(v.medianA-v.medianB) > likeness*v.medianA {
				differ[kind]++
			}
		}
	}
	for kind, n := range differ {
		if n == tries {
			t.Errorf("%s: in each of %d measurements the median was more than %g%% away", kindNames[kind], tries, 100*likeness)
		}
	}
}

// T1: the measurement finds a comparison that stops at the first digit that differs, in a build that has one.
func TestT1FindsPlantedFlaw(t *testing.T) {
	out, err := exec.Command("go", "test", "-count=1", "-tags", "timing,plantedflaw", "-run", "^TestT1Digest$/^"+headerScheme+"$", "-v", ".").CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("the time told which byte of the digest was wrong")) {
		t.Errorf("%v, want the flaw found:\n%s", err, out)
	}
	t.Logf("%s", out)
}

func describe(a, b int, v verdict) string {
	return fmt.Sprintf("%s %.0f ns, %s %.0f ns: Welch t %.2f (p %.2g, of the fastest %.3g%%), sign test z %.2f (p %.2g)",
		kindNames[a], v.medianA, kindNames[b], v.medianB, v.t, v.tP, 100*v.kept, v.sign, v.signP)
}
