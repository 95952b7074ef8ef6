package public

import (
	"context"
	"net/http"

	"github.com/quillgate/quillgate/options"
)

// siteIcon returns the address of the icon that browsers show next to the
// title: a small version of the picture in the option site_icon, or the
// built-in icon, or "" without either.
func (p *Pages) siteIcon(ctx context.Context, o *options.Values) (string, error) {
	if id := o.Int(options.SiteIcon); id > 0 {
		list, err := p.site.Attachments(ctx, []int64{id})
		if err != nil {
			return "", err
		}
		if a, ok := list[id]; ok && a.IsPicture() {
			return p.site.ThumbnailURL(&a), nil
		}
	}
	if p.icon == "" {
		return "", nil
	}
	return p.basePath + p.icon, nil
}

// Favicon redirects clients that request /favicon.ico without having read a
// page that names the icon.
func (p *Pages) Favicon(w http.ResponseWriter, r *http.Request) {
	opts, err := p.site.Options().Current(r.Context())
	if err != nil {
		p.broken(w, r, err)
		return
	}
	icon, err := p.siteIcon(r.Context(), opts)
	switch {
	case err != nil:
		p.broken(w, r, err)
	case icon == "" || r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.NotFound(w, r)
	default:
		w.Header().Set("Cache-Control", "public, max-age=3600")
		http.Redirect(w, r, icon, http.StatusFound)
	}
}
