package site

import (
	"strings"

	"github.com/quillgate/quillgate/auth"
)

// The meta capabilities: what a role may do to one particular post, from whose it is and how public. The table follows
// WordPress: one's own and others' posts, published and private ones are each a right of their own.

// CanEdit reports whether who may read a post for editing and change it. The
// rights over a revision are those over its parent, which the caller must pass
// instead.
func (s *Site) CanEdit(who auth.Identity, p *Post) bool {
	t, known := postTypeNamed(p.Type)
	return known && t.touch(at(who, p), p, t.rights.edit)
}

// CanDelete reports whether who may move the post to the trash or delete it. No
// one may delete a revision by itself.
func (s *Site) CanDelete(who auth.Identity, p *Post) bool {
	t, known := postTypeNamed(p.Type)
	return known && p.Type != TypeRevision && t.touch(at(who, p), p, t.rights.delete)
}

// CanPublish reports whether who may publish posts of the type.
func (s *Site) CanPublish(who auth.Identity, postType string) bool {
	t, known := postTypeNamed(postType)
	return known && may(who, t.rights.publish)
}

// CanEditType reports whether who may write posts of the type at all.
func (s *Site) CanEditType(who auth.Identity, postType string) bool {
	t, known := postTypeNamed(postType)
	return known && may(who, t.rights.edit.own)
}

// CanEditOthers reports whether who may write posts of the type in another's
// name.
func (s *Site) CanEditOthers(who auth.Identity, postType string) bool {
	t, known := postTypeNamed(postType)
	return known && may(who, t.rights.edit.others)
}

// CanRead reports whether who, possibly no one, may read the post. For
// attachments pass the parent's status in parent, "" when there is none. The
// post's password is another matter.
func (s *Site) CanRead(who auth.Identity, p *Post, parent string) bool {
	status := p.Status
	if status == StatusInherit {
		status = parent
		if status == "" {
			status = StatusPublish
		}
	}
	switch {
	case status == StatusPublish:
		return true
	case !who.LoggedIn():
		return false
	case p.Author == who.User.ID && p.Author != 0:
		return true
	case status == StatusPrivate:
		t, known := postTypeNamed(p.Type)
		return known && may(who, t.rights.readPrivate)
	}
	return s.CanEdit(who, p)
}

// at is who when the matter is p: files ask for the same capabilities as posts, but have a right of their own in the
// scope of a key.
func at(who auth.Identity, p *Post) auth.Identity {
	if p.Type == TypeAttachment {
		return who.OnFiles()
	}
	return who
}

// may asks for a right that a post type names; a type that names none grants it
// to no one.
func may(who auth.Identity, c auth.Capability) bool {
	var none auth.Capability
	return who.LoggedIn() && c != none && who.Can(c)
}

// touch decides by the four rights of one action. A trashed post of one's own
// counts as what it was before; one of someone else's counts as a draft, as in
// WordPress.
func (t *PostType) touch(who auth.Identity, p *Post, r actionRights) bool {
	if !who.LoggedIn() {
		return false
	}
	if p.Author != 0 && p.Author == who.User.ID {
		status := p.Status
		if status == StatusTrash {
			status = p.TrashedFrom
		}
		if status == StatusPublish || status == StatusFuture {
			return may(who, r.published)
		}
		return may(who, r.own)
	}
	switch p.Status {
	case StatusPublish, StatusFuture:
		return may(who, r.others) && may(who, r.published)
	case StatusPrivate:
		return may(who, r.others) && may(who, r.private)
	}
	return may(who, r.others)
}

// editable writes CanEdit as a condition on a post p of the type, so that lists, searches and limits see nothing but what
// who may edit; "" when that is everything. A test holds both together.
func (t *PostType) editable(who auth.Identity, a *arguments) string {
	r := t.rights.edit
	if !who.LoggedIn() {
		return `1 = 0`
	}
	own, published, others, private := may(who, r.own), may(who, r.published), may(who, r.others), may(who, r.private)
	if own && published && others && private {
		return ""
	}
	if !own && !published && !others {
		return `1 = 0`
	}
	var either []string
	mine := `p.author = ` + a.add(who.User.ID)
	const out = `(p.status IN ('publish', 'future') OR p.status = 'trash' AND EXISTS (SELECT 1 FROM post_meta m
		WHERE m.post_id = p.id AND m.key = '` + metaTrashStatus + `' AND m.value IN ('publish', 'future')))`
	switch {
	case own && published:
		either = append(either, mine)
	case own:
		either = append(either, mine+` AND NOT `+out)
	case published:
		either = append(either, mine+` AND `+out)
	}
	if others {
		rest := `NOT (` + mine + `)`
		if !published {
			rest += ` AND p.status NOT IN ('publish', 'future')`
		}
		if !private {
			rest += ` AND p.status <> 'private'`
		}
		either = append(either, rest)
	}
	return `(` + strings.Join(either, ` OR `) + `)`
}
