package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// codeForbidden is the fault code for a call that the key may not make, as on
// the server.
const codeForbidden = 403

// A state is the condition of a post before a limited key changes it.
type state struct{ Status, Type string }

// lookup asks WordPress for the state of a post, with the user's own rights.
type lookup func(ctx context.Context, id int64) (state, error)

// hidden reports whether readers cannot see posts with a status. Every status
// that is not listed, including those of plugins, counts as public.
func hidden(status string) bool {
	return slices.Contains([]string{"draft", "pending", "auto-draft"}, status)
}

// written reports whether the rights draft and publish cover a post type,
// including those of plugins. The others are parts of the site: menus,
// templates, styles, files.
func written(postType string) bool {
	return !slices.Contains([]string{
		"attachment", "revision", "nav_menu_item", "custom_css", "customize_changeset", "oembed_cache", "user_request",
		"wp_template", "wp_template_part", "wp_global_styles", "wp_navigation", "wp_font_family", "wp_font_face",
	}, postType)
}

func forbidden(format string, args ...any) error {
	return &xmlrpc.Fault{Code: codeForbidden, Message: fmt.Sprintf(format, args...)}
}

// decide refuses a call that the scope of a key does not allow. It decides on
// the canonical arguments, which are the ones that are sent, and asks WordPress
// if the state of a post matters. In doubt it refuses. For a key without
// limits, WordPress alone decides.
func decide(ctx context.Context, scope apps.Scope, c *canonical, ask lookup) error {
	if err := sameDocument(c); err != nil {
		return err
	}
	if scope.IsZero() {
		return nil
	}
	m := c.method
	if err := listed(scope, m); err != nil {
		return err
	}
	if len(m.Rights) > 0 && !slices.ContainsFunc(m.Rights, func(r string) bool { return scope.Allows(apps.Right(r)) }) {
		return forbidden("Your key lacks the right %s, which %s needs.", strings.Join(m.Rights, " or "), m.Name)
	}
	if len(scope.Rights) == 0 || m.Effect == methods.Reads {
		return nil
	}
	d := &decision{scope: scope, call: c, ask: ask}
	return d.change(ctx)
}

// listed refuses a method that is missing from a key's list of methods.
func listed(scope apps.Scope, m *methods.Method) error {
	if len(scope.Methods) > 0 && !slices.ContainsFunc(m.Names(), scope.AllowsMethod) {
		return forbidden("Your key does not allow the method %s.", m.Name)
	}
	return nil
}

// sameDocument refuses a call whose content names a different post than its
// arguments: wp.editPost would edit that post, and wp.newPost would not create
// a new one.
func sameDocument(c *canonical) error {
	content := c.arg("content")
	if content.Kind() != xmlrpc.KindStruct {
		return nil
	}
	var kept []xmlrpc.Member
	dropped := false
	for _, m := range content.Members() {
		if !strings.EqualFold(m.Name, "ID") {
			kept = append(kept, m)
			continue
		}
		id, err := number("ID", m.Value)
		if err != nil || id.Int64() != 0 && id.Int64() != c.target() {
			return ambiguity("The content names a different post than the call: leave out its member %s.", m.Name)
		}
		dropped = true
	}
	if dropped {
		c.args[c.method.Index("content")] = xmlrpc.Struct(kept...)
	}
	return nil
}

// target returns the id of the post, page or file that a call is about, or 0.
func (c *canonical) target() int64 {
	for _, name := range []string{"post_id", "page_id", "attachment_id", "revision_id"} {
		if v := c.arg(name); !v.IsZero() {
			return v.Int64()
		}
	}
	return 0
}

// A decision is the check of a call that changes something, by a limited key.
type decision struct {
	scope apps.Scope
	call  *canonical
	ask   lookup
}

func (d *decision) may(r apps.Right) bool { return d.scope.Allows(r) }

func (d *decision) change(ctx context.Context) error {
	c := d.call
	content := c.arg("content")
	switch c.method.Name {
	case "wp.newPost":
		return d.write(statusOf(content, "post_status", "draft"), typeOf(content, "post"), content)
	case "wp.editPost":
		s, err := d.target(ctx)
		if err != nil {
			return err
		}
		return d.write(statusOf(content, "post_status", s.Status), typeOf(content, s.Type), content)
	case "metaWeblog.newPost":
		return d.dialect(typeOf(content, "post"), content)
	case "metaWeblog.editPost":
		s, err := d.target(ctx)
		if err != nil {
			return err
		}
		return d.dialect(typeOf(content, s.Type), content)
	case "wp.newPage":
		return d.dialect("page", content)
	case "wp.editPage":
		if _, err := d.target(ctx); err != nil {
			return err
		}
		return d.dialect("page", content)
	case "blogger.newPost":
		return d.write(byFlag(c.arg("publish")), "post", xmlrpc.Value{})
	case "blogger.editPost":
		if _, err := d.target(ctx); err != nil {
			return err
		}
		return d.write(byFlag(c.arg("publish")), "post", xmlrpc.Value{})
	case "wp.deletePost", "wp.deletePage", "blogger.deletePost", "mt.setPostCategories":
		_, err := d.target(ctx)
		return err
	case "wp.restoreRevision":
		// The id is that of the revision. The gateway cannot find out which
		// post it would restore without the rights to that post.
		if !d.may(apps.Publish) {
			return forbidden("Your key lacks the right publish, which wp.restoreRevision needs.")
		}
		return nil
	case "wp.deleteFile":
		// WordPress deletes a post of any type by this method.
		s, err := d.ask(ctx, c.target())
		if err != nil {
			return err
		}
		if s.Type != "attachment" {
			return forbidden("With your key, wp.deleteFile can delete only files.")
		}
		return nil
	}
	return nil // the right of the row covers the whole method
}

// target looks up the post to change. It refuses a public post if the key may
// only write drafts, and a post that is part of the site.
func (d *decision) target(ctx context.Context) (state, error) {
	s, err := d.ask(ctx, d.call.target())
	if err != nil {
		return s, err
	}
	if !written(s.Type) {
		return s, forbidden("Your key is limited to posts and pages.")
	}
	if !hidden(s.Status) && !d.may(apps.Publish) {
		return s, forbidden("Your key lacks the right publish, and this post is visible to readers.")
	}
	return s, nil
}

// dialect is write for metaWeblog and the methods for pages: the status in the
// content takes precedence over the argument, and its name depends on the type.
func (d *decision) dialect(postType string, content xmlrpc.Value) error {
	status, name := byFlag(d.call.arg("publish")), "post_status"
	if postType == "page" {
		name = "page_status"
	}
	// WordPress takes these four from the content. For any other status it uses
	// the argument: an auto-draft is published.
	if s := statusOf(content, name, status); slices.Contains([]string{"draft", "pending", "private", "publish"}, s) {
		status = s
	}
	// The status of the other type has no effect today. A key that may only
	// write drafts must not depend on that.
	for _, name := range []string{"post_status", "page_status"} {
		if !hidden(statusOf(content, name, "draft")) {
			status = "publish"
		}
	}
	return d.write(status, postType, content)
}

// write refuses content that readers would see, unless the key may publish.
func (d *decision) write(status, postType string, content xmlrpc.Value) error {
	if !written(postType) {
		return forbidden("Your key is limited to posts and pages.")
	}
	if d.may(apps.Publish) {
		return nil
	}
	if !hidden(status) {
		return forbidden("Your key lacks the right publish. It may write drafts.")
	}
	for _, name := range []string{"terms_names", "mt_keywords", "tags_input", "tax_input"} {
		if v := content.Get(name); !empty(v) {
			return forbidden("Your key lacks the right publish, and may not create tags or categories: leave out %s.", name)
		}
	}
	if !empty(content.Get("meta_input")) {
		// The API does not document it, but WordPress accepts it, also for
		// custom fields that custom_fields may not set, such as the status that
		// a post returns to when it leaves the trash.
		return forbidden("Your key lacks the right publish: leave out meta_input.")
	}
	if pinned(content.Get("sticky")) {
		// WordPress keeps the list of sticky posts in an option.
		return forbidden("Your key lacks the right publish, and may not make posts sticky: leave out sticky.")
	}
	return nil
}

// pinned reports whether a value could make a post sticky.
func pinned(v xmlrpc.Value) bool {
	switch v.Kind() {
	case xmlrpc.KindBool:
		return v.Bool()
	case xmlrpc.KindInt:
		return v.Int64() != 0
	case xmlrpc.KindString:
		return v.Text() != "" && v.Text() != "0"
	}
	return !v.IsZero()
}

func empty(v xmlrpc.Value) bool {
	switch v.Kind() {
	case xmlrpc.KindArray, xmlrpc.KindStruct:
		return v.Len() == 0
	case xmlrpc.KindString:
		return v.Text() == ""
	}
	return v.IsZero()
}

// statusOf returns a status from a content, or otherwise the default. A value
// that is not a string counts as a public status.
func statusOf(content xmlrpc.Value, name, otherwise string) string {
	v, ok := content.Member(name)
	switch {
	case !ok:
		return otherwise
	case v.Kind() != xmlrpc.KindString:
		return "not a status"
	case v.Text() == "":
		return otherwise
	}
	return v.Text()
}

func typeOf(content xmlrpc.Value, otherwise string) string {
	v, ok := content.Member("post_type")
	switch {
	case !ok || v.Kind() == xmlrpc.KindString && v.Text() == "":
		return otherwise
	case v.Kind() != xmlrpc.KindString:
		return "attachment"
	}
	return v.Text()
}

func byFlag(v xmlrpc.Value) string {
	if v.Bool() {
		return "publish"
	}
	return "draft"
}
