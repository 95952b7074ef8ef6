package interop

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
)

// The answer that holds a new secret is lost on its way, once or again and
// again: the signer goes on with the old key, and gets another new one, and
// nothing is left at the blog that no one can sign with.
func TestSignerRotatesWhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	eachSeeded(t, func(t *testing.T, seed seeded) {
		w := tap(t, seed)
		s := signed(t, w.base)
		publish := func(title string) {
			t.Helper()
			if what, odd := publishOnce(http.DefaultClient, s, title); what != acknowledged {
				t.Fatalf("%s: an old program is told %d %s", title, what, odd)
			}
		}
		publish("with the first key")
		for _, lost := range []int32{1, 2, 3} {
			var left atomic.Int32
			left.Store(lost)
			w.cut.Store(new(func(body []byte) bool {
				return bytes.Contains(body, []byte("<methodName>xmlrpcs.rotate<")) && left.Add(-1) >= 0
			}))
			// A try sends two requests for a new key.
			for tries := 0; ; tries++ {
				out, err := exec.Command(build(t), "sign", "--dir", s.dir, "--pass-phrase-file", s.phrase, "rotate", "blog").CombinedOutput()
				if err == nil {
					break
				}
				if tries == 2 || !strings.Contains(string(out), "not known") && !strings.Contains(string(out), "without an answer") {
					t.Fatalf("sign rotate: %v\n%s", err, out)
				}
				publish("with the old key")
			}
			if left.Load() > 0 {
				t.Fatalf("%d answers were to be lost yet", left.Load())
			}
			publish("with the new key")
		}
		w.cut.Store(nil)
		var keys []struct{ Public, State string }
		if err := json.Unmarshal([]byte(command(t, seed, "", "app", "list", "--user", seedUser, "--json")), &keys); err != nil {
			t.Fatal(err)
		}
		var usable []string
		for _, k := range keys {
			if k.State == "in use" || k.State == "unused" {
				usable = append(usable, k.Public)
			}
		}
		var sites []struct{ Public string }
		if err := json.Unmarshal([]byte(s.command(t, "list", "--json")), &sites); err != nil {
			t.Fatal(err)
		}
		if len(usable) != 1 || usable[0] != sites[0].Public {
			t.Errorf("the blog has the keys %v, the signer has %v", usable, sites)
		}
	})
}
