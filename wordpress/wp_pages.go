package wordpress

import (
	"context"
	"errors"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// getPage answers wp.getPage(blog, page, user, password). As in WordPress, it
// checks rights before the type.
func (a *API) getPage(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	page, err := a.site.GetPost(ctx, who, p.int("page_id"), site.LoadTerms|site.LoadFields)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	if page.Type != site.TypePage {
		return xmlrpc.Value{}, site.ErrNotFound
	}
	list, err := a.pageStructs(ctx, who, []site.FullPost{*page})
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return list[0], nil
}

// getPages answers wp.getPages(blog, user, password, most) with the newest
// pages, except those in the trash.
func (a *API) getPages(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	pages, err := a.site.ListPosts(ctx, who, site.PostFilter{
		Type: site.TypePage, Statuses: []string{"any"}, Limit: pageLimit(p.int("number")),
	}, site.LoadTerms|site.LoadFields)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(pages, func(page []site.FullPost) ([]xmlrpc.Value, error) { return a.pageStructs(ctx, who, page) }), nil
}

// pageLimit reads the number of requested pages: -1 means all.
func pageLimit(most int64) int {
	if most == -1 {
		most = 1 << 30
	}
	return clampInt(most)
}

// pageStructs writes pages with the names of their authors and parents, which
// it reads for all together.
func (a *API) pageStructs(ctx context.Context, who auth.Identity, pages []site.FullPost) ([]xmlrpc.Value, error) {
	names, err := a.authorNames(ctx, pages)
	if err != nil {
		return nil, err
	}
	var parents []int64
	for i := range pages {
		if pages[i].Parent != 0 {
			parents = append(parents, pages[i].Parent)
		}
	}
	titles, err := a.site.Titles(ctx, who, parents)
	if err != nil {
		return nil, err
	}
	out := make([]xmlrpc.Value, len(pages))
	for i := range pages {
		out[i] = a.pageStruct(&pages[i], names[pages[i].Author], titles[pages[i].Parent])
	}
	return out, nil
}

// newPage answers wp.newPage(blog, user, password, content, publish).
func (a *API) newPage(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	return a.newFromContent(ctx, who, p.at("content"), site.TypePage, p.truth("publish"))
}

// editPage answers wp.editPage(blog, page, user, password, content, publish).
func (a *API) editPage(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	if err := a.wantType(ctx, p.int("page_id"), site.TypePage); err != nil {
		return xmlrpc.Value{}, err
	}
	return a.editFromContent(ctx, who, p.int("page_id"), p.at("content"), site.TypePage, p.truth("publish"))
}

// deletePage answers wp.deletePage(blog, user, password, page).
func (a *API) deletePage(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	if err := a.wantType(ctx, p.int("page_id"), site.TypePage); err != nil {
		return xmlrpc.Value{}, err
	}
	if err := a.site.DeletePost(ctx, who, p.int("page_id")); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

// getPageList answers wp.getPageList(blog, user, password).
func (a *API) getPageList(ctx context.Context, who auth.Identity, _ *call) (xmlrpc.Value, error) {
	lines, err := a.site.PageLines(ctx, who)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(lines, each(func(l *site.PageLine) xmlrpc.Value {
		return xmlrpc.Struct(
			xmlrpc.M("page_id", idText(l.ID)),
			xmlrpc.M("page_title", xmlrpc.String(l.Title)),
			xmlrpc.M("page_parent_id", idText(l.Parent)),
			xmlrpc.M("dateCreated", dateTime(l.Date)),
			xmlrpc.M("date_created_gmt", dateTime(l.Moment(a.site))))
	})), nil
}

// getPageStatusList answers wp.getPageStatusList(blog, user, password).
func (a *API) getPageStatusList(_ context.Context, who auth.Identity, _ *call) (xmlrpc.Value, error) {
	if !a.site.CanEditType(who, site.TypePage) {
		return xmlrpc.Value{}, errSiteDetails
	}
	return xmlrpc.Struct(
		xmlrpc.M("draft", xmlrpc.String("Draft")),
		xmlrpc.M("private", xmlrpc.String("Private")),
		xmlrpc.M("publish", xmlrpc.String("Published"))), nil
}

// getPageTemplates answers wp.getPageTemplates(blog, user, password) with a
// struct from labels to names.
func (a *API) getPageTemplates(_ context.Context, who auth.Identity, _ *call) (xmlrpc.Value, error) {
	templates, err := a.site.PageTemplates(who)
	var denied *site.Denied
	if errors.As(err, &denied) {
		return xmlrpc.Value{}, errSiteDetails
	}
	if err != nil {
		return xmlrpc.Value{}, err
	}
	members := make([]xmlrpc.Member, len(templates))
	for i, t := range templates {
		members[i] = xmlrpc.M(t.Label, xmlrpc.String(t.Name))
	}
	return structOf(members...), nil
}
