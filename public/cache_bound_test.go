package public

import (
	"fmt"
	"net/http"
	"testing"
)

// The cache keeps its size whatever is requested, and keeps pages that are
// requested again.
func TestCacheIsBounded(t *testing.T) {
	const limit = 100_000
	c := newCache(limit)
	body := make([]byte, 1000)
	for i := range 1000 {
		c.put(fmt.Sprint(i), edition{}, newAnswer(http.StatusOK, "text/plain", body))
		if c.get("0", edition{}) == nil {
			t.Fatalf("a page that is requested all the time is gone after %d others", i)
		}
		if c.used > limit || c.recent.Len() != len(c.entries) || c.recent.Len()*len(body) > limit {
			t.Fatalf("after %d: %d bytes in %d entries", i, c.used, c.recent.Len())
		}
	}
	c.put("large", edition{}, newAnswer(http.StatusOK, "text/plain", make([]byte, limit/2)))
	if c.get("large", edition{}) != nil || c.get("0", edition{}) == nil {
		t.Error("one large answer took the place of all others")
	}
	if c.get("0", edition{theme: 1}) != nil {
		t.Error("an answer of another edition was given")
	}
}
