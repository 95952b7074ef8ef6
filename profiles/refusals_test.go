package profiles_test

import (
	"net/http"
	"strings"
	"testing"
)

// Users see the last refusals of their credentials with a remedy, and
// administrators see all of them. Names and keys that do not exist are not
// shown.
func TestLastRefusals(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada, bob := h.as(t, "ada"), h.as(t, "bob")
		public, _ := bob.key("name", "Of bob")
		const typed = "typed-as-a-name-or-key"
		h.call(t, public+" another-secret", "", "")
		h.call(t, strings.Repeat("k", 24)+" secret", "", "")
		h.call(t, "", typed, "password-typed")
		h.call(t, "", "BOB", "password-typed")
		own := bob.get("/profile/security")
		all := ada.get("/admin/refusals")
		for _, want := range []string{
			"<strong>A wrong signature</strong>", "key " + public, "MarsEdit/5.1", "<bdi>127.0.0.1</bdi>", "Copy the secret again.",
			"<strong>A wrong password</strong>", "Enter the password again in the client.",
		} {
			for at, p := range map[string]page{"own": own, "all": all} {
				if p.status != http.StatusOK || !strings.Contains(p.body, want) {
					t.Errorf("the page of %s refusals lacks %q: %d\n%s", at, want, p.status, p.body)
				}
			}
		}
		for _, want := range []string{"<bdi>bob</bdi>", "a user name that does not exist", "an unknown key of 24 characters"} {
			if !strings.Contains(all.body, want) {
				t.Errorf("the page of all refusals lacks %q:\n%s", want, all.body)
			}
			if strings.Contains(own.body, want) {
				t.Errorf("bob sees of others %q", want)
			}
		}
		for _, secret := range []string{typed, "password-typed", strings.Repeat("k", 24)} {
			if strings.Contains(all.body+own.body, secret) {
				t.Errorf("the pages show %q", secret)
			}
		}
		if p := ada.get("/profile/security"); strings.Contains(p.body, public) || !strings.Contains(p.body, "Nothing was refused in the last 90 days.") {
			t.Errorf("ada sees refusals of bob as hers:\n%s", p.body)
		}
	})
}
