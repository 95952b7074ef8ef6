package public

import (
	"context"
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

type sitemapIndex struct {
	XMLName xml.Name      `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 sitemapindex"`
	Maps    []sitemapPart `xml:"sitemap"`
}

type sitemapPart struct {
	Loc string `xml:"loc"`
}

type sitemap struct {
	XMLName xml.Name       `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
	URLs    []sitemapEntry `xml:"url"`
}

type sitemapEntry struct {
	Loc     string `xml:"loc"`
	LastMod string `xml:"lastmod,omitempty"`
}

// Robots serves robots.txt.
func (p *Pages) Robots(w http.ResponseWriter, r *http.Request) {
	p.text(w, r, "robots", func(_ context.Context, o *options.Values) (*answer, error) {
		var b strings.Builder
		b.WriteString("User-agent: *\n")
		switch {
		case p.off, !o.Bool("blog_public"):
			b.WriteString("Disallow: /\n")
		default:
			// Searches and reply forms show content that also has
			// other addresses.
			b.WriteString("Disallow: " + site.EndpointURL(p.basePath) + "\nDisallow: " + p.basePath + "/*?s=\nDisallow: " + p.basePath + "/*replytocom=\n\nSitemap: " + p.site.BaseURL() + "/wp-sitemap.xml\n")
		}
		return newAnswer(http.StatusOK, "text/plain; charset=utf-8", []byte(b.String())), nil
	})
}

// Sitemap serves the addresses of everything that search engines may know. If
// there are more than site.AddressPart, it is an index of maps that the
// parameter page selects. Each map has the posts in a range of ids, so that it
// does not need to count the posts before it.
func (p *Pages) Sitemap(w http.ResponseWriter, r *http.Request) {
	page, paged := number(r.URL.Query().Get("page"))
	p.text(w, r, "sitemap "+strconv.Itoa(page), func(ctx context.Context, o *options.Values) (*answer, error) {
		if p.off || !o.Bool("blog_public") {
			return p.missing(ctx, auth.Identity{})
		}
		parts, few, err := p.site.AddressParts(ctx)
		if err != nil {
			return nil, err
		}
		if !paged && !few {
			var index sitemapIndex
			for _, part := range parts {
				index.Maps = append(index.Maps, sitemapPart{p.site.BaseURL() + "/wp-sitemap.xml?page=" + itoa(part+1)})
			}
			return writeFeed("application/xml; charset=UTF-8", index)
		}
		part, first := int64(page)-1, paged && len(parts) > 0 && int64(page)-1 == parts[0]
		if few && page <= 1 {
			part, first = -1, true // all addresses in one map
		} else if few || !slices.Contains(parts, part) {
			return p.missing(ctx, auth.Identity{})
		}
		list, err := p.site.ListAddresses(ctx, part)
		if err != nil {
			return nil, err
		}
		var out sitemap
		if first {
			out.URLs = append(out.URLs, sitemapEntry{Loc: p.site.BaseURL() + "/"})
		}
		for i := range list {
			if list[i].Link == p.site.BaseURL()+"/" {
				continue // the page that is the home page, which is already in the list
			}
			out.URLs = append(out.URLs, sitemapEntry{list[i].Link, p.site.ModifiedMoment(&list[i].Post).UTC().Format(time.RFC3339)})
		}
		return writeFeed("application/xml; charset=UTF-8", out)
	})
}

// text serves a document that is cached under its own name.
func (p *Pages) text(w http.ResponseWriter, r *http.Request, key string, make func(context.Context, *options.Values) (*answer, error)) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "This address does not answer this method.", http.StatusNotFound)
		return
	}
	ctx := r.Context()
	revision, err := p.site.Revision(ctx)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	e := edition{revision, p.theme.edition()}
	a := p.cache.get(key, e)
	if a == nil {
		opts, err := p.site.Options().Current(ctx)
		if err == nil {
			a, err = make(ctx, opts)
		}
		if err != nil {
			p.broken(w, r, err)
			return
		}
		if a.status == http.StatusOK {
			p.cache.put(key, e, a)
		}
	}
	p.serve(w, r, a)
}
