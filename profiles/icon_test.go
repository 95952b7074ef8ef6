package profiles_test

import (
	"net/http"
	"strings"
	"testing"
)

// Every page has an icon, which comes from this server and is cached.
func TestIcon(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser(t)
		if p := b.get("/signin"); !strings.Contains(p.body, `<link rel="icon" type="image/svg+xml" href="/profile/assets/icon.svg">`) {
			t.Errorf("the page names no icon:\n%s", p.body)
		}
		p := b.get("/profile/assets/icon.svg")
		if p.status != http.StatusOK || p.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(p.header.Get("Cache-Control"), "max-age=") || !strings.HasPrefix(p.body, "<svg") {
			t.Errorf("the icon: %d %v", p.status, p.header)
		}
	})
}
