package wordpress

import (
	"context"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// mtGetRecentPostTitles answers mt.getRecentPostTitles(blog, user, password,
// most). A scheduled post has the status of one here.
func (a *API) mtGetRecentPostTitles(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	if err := a.somePosts(ctx); err != nil {
		return xmlrpc.Value{}, err
	}
	// Unlike related methods, this one requires no right, so it returns nothing
	// to users who may edit nothing.
	if !a.site.CanEditType(who, site.TypePost) {
		return xmlrpc.Array(), nil
	}
	posts, err := a.recentPosts(ctx, who, p.at("number"), site.WithoutTexts)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(posts, each(func(post *site.FullPost) xmlrpc.Value {
		return xmlrpc.Struct(
			xmlrpc.M("dateCreated", dateTime(post.Date)),
			xmlrpc.M("userid", idText(post.Author)),
			xmlrpc.M("postid", idText(post.ID)),
			xmlrpc.M("title", xmlrpc.String(post.Title)),
			xmlrpc.M("post_status", xmlrpc.String(post.Status)),
			xmlrpc.M("date_created_gmt", dateTime(a.site.Moment(&post.Post))))
	})), nil
}

// mtGetCategoryList answers mt.getCategoryList(blog, user, password).
func (a *API) mtGetCategoryList(ctx context.Context, who auth.Identity, _ *call) (xmlrpc.Value, error) {
	return a.categories(ctx, who, site.TermFilter{}, func(t site.Term, _ termLinks) xmlrpc.Value {
		return xmlrpc.Struct(
			xmlrpc.M("categoryId", xmlrpc.Int(t.ID)),
			xmlrpc.M("categoryName", xmlrpc.String(t.Name)))
	})
}

// mtGetPostCategories answers mt.getPostCategories(post, user, password). The
// first category counts as the primary one.
func (a *API) mtGetPostCategories(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	post, err := a.site.GetPost(ctx, who, p.int("post_id"), site.LoadTerms)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	var out []xmlrpc.Value
	for _, t := range post.Terms {
		if t.Taxonomy != site.Category {
			continue
		}
		out = append(out, xmlrpc.Struct(
			xmlrpc.M("categoryName", xmlrpc.String(t.Name)),
			xmlrpc.M("categoryId", idText(t.ID)),
			xmlrpc.M("isPrimary", xmlrpc.Bool(len(out) == 0))))
	}
	return xmlrpc.Array(out...), nil
}

// mtSetPostCategories answers mt.setPostCategories(post, user, password,
// categories). The categories are structs with a categoryId; the primary one is
// not stored.
func (a *API) mtSetPostCategories(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	ids := []int64{}
	for _, v := range valuesIn(p.at("categories")) {
		if v.Kind() == xmlrpc.KindStruct {
			v = v.Get("categoryId")
		}
		ids = append(ids, intOf(v))
	}
	if err := a.site.SetCategories(ctx, who, p.int("post_id"), ids); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

// mtPublishPost answers mt.publishPost(post, user, password) with the id. It
// requires the right to publish posts and the right to edit this one; without
// either, the fault is the same.
func (a *API) mtPublishPost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	id := p.int("post_id")
	if err := a.site.EditPost(ctx, who, id, site.PostEdit{Status: new(site.StatusPublish)}); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Int(id), nil
}

// mtSupportedMethods answers mt.supportedMethods() with the names of all
// methods except those of system.*.
func (a *API) mtSupportedMethods(context.Context, auth.Identity, *call) (xmlrpc.Value, error) {
	return texts(slices.DeleteFunc(methods.Names(), func(name string) bool { return strings.HasPrefix(name, "system.") })), nil
}

// mtSupportedTextFilters answers mt.supportedTextFilters(): there are none.
func (a *API) mtSupportedTextFilters(context.Context, auth.Identity, *call) (xmlrpc.Value, error) {
	return xmlrpc.Array(), nil
}

// mtGetTrackbackPings answers mt.getTrackbackPings(post). Everyone may call it,
// so unlike in WordPress the answer omits the addresses that the trackbacks
// came from.
func (a *API) mtGetTrackbackPings(ctx context.Context, _ auth.Identity, p *call) (xmlrpc.Value, error) {
	list, err := a.site.Trackbacks(ctx, p.int("post_id"))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(list, each(func(t *site.Trackback) xmlrpc.Value {
		title, _, _ := strings.Cut(strings.TrimPrefix(t.Content, "<strong>"), "</strong>")
		return xmlrpc.Struct(
			xmlrpc.M("pingTitle", xmlrpc.String(title)),
			xmlrpc.M("pingURL", xmlrpc.String(t.URL)),
			xmlrpc.M("pingIP", xmlrpc.String("")))
	})), nil
}
