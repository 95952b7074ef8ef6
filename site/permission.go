package site

import "github.com/quillgate/quillgate/auth"

// The meta capabilities: what a role may do to one particular post, from whose it is and how public. The table follows
// WordPress: one's own and others' posts, published and private ones are each a right of their own.

// postCapabilities names the rights over the posts of one type.
type postCapabilities struct {
	edit, editOthers, editPublished, editPrivate         auth.Capability
	delete, deleteOthers, deletePublished, deletePrivate auth.Capability
	publish, readPrivate                                 auth.Capability
}

var postRights = postCapabilities{
	edit: auth.EditPosts, editOthers: auth.EditOthersPosts, editPublished: auth.EditPublishedPosts, editPrivate: auth.EditPrivatePosts,
	delete: auth.DeletePosts, deleteOthers: auth.DeleteOthersPosts, deletePublished: auth.DeletePublishedPosts, deletePrivate: auth.DeletePrivatePosts,
	publish: auth.PublishPosts, readPrivate: auth.ReadPrivatePosts,
}

var pageRights = postCapabilities{
	edit: auth.EditPages, editOthers: auth.EditOthersPages, editPublished: auth.EditPublishedPages, editPrivate: auth.EditPrivatePages,
	delete: auth.DeletePages, deleteOthers: auth.DeleteOthersPages, deletePublished: auth.DeletePublishedPages, deletePrivate: auth.DeletePrivatePages,
	publish: auth.PublishPages, readPrivate: auth.ReadPrivatePages,
}

func rightsFor(postType string) postCapabilities {
	if postType == "page" {
		return pageRights
	}
	return postRights
}

// canEdit says whether who may change the post. For the status a trashed post counts as what it was before.
func canEdit(who auth.Identity, p *Post) bool {
	r := rightsFor(p.Type)
	return canTouch(who, p, r.edit, r.editOthers, r.editPublished, r.editPrivate)
}

// canDelete says whether who may move the post to the trash or delete it.
func canDelete(who auth.Identity, p *Post) bool {
	r := rightsFor(p.Type)
	return canTouch(who, p, r.delete, r.deleteOthers, r.deletePublished, r.deletePrivate)
}

func canTouch(who auth.Identity, p *Post, own, others, published, private auth.Capability) bool {
	if !who.LoggedIn() {
		return false
	}
	status := p.Status
	if status == "trash" && p.TrashedFrom != "" {
		status = p.TrashedFrom
	}
	public := status == "publish" || status == "future"
	if p.Author == who.User.ID {
		if public {
			return who.Can(published)
		}
		return who.Can(own)
	}
	if !who.Can(others) {
		return false
	}
	switch {
	case public:
		return who.Can(published)
	case status == "private":
		return who.Can(private)
	}
	return true
}
