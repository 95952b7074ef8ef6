package profiles_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/apps"
)

// A preset gives the rights in its row, can be selected by a link, and is
// recognized when the application is edited. An application that may write but
// not read gets a warning.
func TestPresets(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.as(t, "ada")
		for _, preset := range apps.Presets() {
			value := "preset:" + preset.Name
			if len(preset.Rights) == 0 {
				value = "all"
			}
			if p := ada.get("/profile/applications/new?preset=" + preset.Name); !strings.Contains(p.body, `value="`+value+`" checked`) || strings.Count(p.body, `name="scope" value="`) == strings.Count(p.body, "checked") {
				t.Errorf("the form for %s does not choose it:\n%s", preset.Name, p.body)
			}
			public, _ := ada.key("name", preset.Label, "scope", value)
			app, err := h.blog.Apps.Get(t.Context(), public)
			if err != nil || !slices.Equal(app.Scope.Rights, preset.Rights) {
				t.Errorf("%s: rights %v, %v", preset.Name, app.Scope.Rights, err)
			}
			if p := ada.get("/profile/applications/" + public); !strings.Contains(p.body, `value="`+value+`" checked`) {
				t.Errorf("the form of an application with %s:\n%s", preset.Name, p.body)
			}
		}
		for _, wrong := range [][]string{{"scope", "preset:uploader", "scope", "read"}, {"scope", "preset:nothing"}} {
			if p := ada.post("/profile/applications", append(wrong, "kind", "key", "name", "x")...); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="scope-wrong"`) {
				t.Errorf("%v: %d", wrong, p.status)
			}
		}
		const warning = "their first refresh will fail"
		for scope, want := range map[string]bool{"publish": true, "draft": true, "media": false} {
			if p := ada.post("/profile/applications", "kind", "password", "name", scope, "scope", scope); p.status != http.StatusOK || strings.Contains(p.body, warning) != want {
				t.Errorf("an application for %s: %d, warned %v, want %v", scope, p.status, !want, want)
			}
		}
		if p := ada.post("/profile/applications", "kind", "password", "name", "both", "scope", "read", "scope", "publish"); strings.Contains(p.body, warning) {
			t.Error("an application that reads and publishes is warned of")
		}
	})
}
