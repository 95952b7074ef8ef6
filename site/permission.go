package site

import (
	"strings"

	"github.com/quillgate/quillgate/auth"
)

// The meta capabilities: what a role may do to a particular post, depending on
// its author and status. The table follows WordPress: own and others' posts,
// published and private ones each need a separate right.

// CanEdit reports whether who may read a post for editing and change it. For a
// revision, the caller must pass its parent, whose rights apply.
func (s *Site) CanEdit(who auth.Identity, p *Post) bool {
	t, known := postTypeNamed(p.Type)
	return known && t.touch(at(who, p), p, t.rights.edit)
}

// CanDelete reports whether who may move the post to the trash or delete it.
// Nobody may delete individual revisions.
func (s *Site) CanDelete(who auth.Identity, p *Post) bool {
	t, known := postTypeNamed(p.Type)
	return known && p.Type != TypeRevision && t.touch(at(who, p), p, t.rights.delete)
}

// CanPublish reports whether who may publish posts of the type.
func (s *Site) CanPublish(who auth.Identity, postType string) bool {
	t, known := postTypeNamed(postType)
	return known && may(who, t.rights.publish)
}

// CanEditType reports whether who may write posts of the type.
func (s *Site) CanEditType(who auth.Identity, postType string) bool {
	t, known := postTypeNamed(postType)
	return known && may(who, t.rights.edit.own)
}

// CanEditOthers reports whether who may write posts of the type as another
// author.
func (s *Site) CanEditOthers(who auth.Identity, postType string) bool {
	t, known := postTypeNamed(postType)
	return known && may(who, t.rights.edit.others)
}

// CanRead reports whether who, possibly anonymous, may read the post. For an
// attachment, parent is the status of its parent, or "" without one. The post's
// password is not considered.
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

// at returns who for actions on p: files need the same capabilities as posts,
// but have a right of their own in the scope of a key.
func at(who auth.Identity, p *Post) auth.Identity {
	if p.Type == TypeAttachment {
		return who.OnFiles()
	}
	return who
}

// may checks a capability that a post type names. If it names none, nobody has
// the right.
func may(who auth.Identity, c auth.Capability) bool {
	var none auth.Capability
	return who.LoggedIn() && c != none && who.Can(c)
}

// touch decides by the four rights of one action. As in WordPress, a trashed
// post of one's own counts as what it was before, and one of someone else as a
// draft.
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

// editable returns CanEdit as an SQL condition on a post p of the type, so that
// lists, searches and limits include only what who may edit. It is "" if that
// is everything. A test compares the two.
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
