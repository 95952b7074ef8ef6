package auth

import "github.com/quillgate/quillgate/apps"

// writing are the rights under which posts and pages are written at all.
var writing = []apps.Right{apps.Draft, apps.Publish}

// rights says which rights of a credential let a capability of its user through: one of them is enough. What has no row
// passes no credential that is limited.
var rights = map[Capability][]apps.Right{
	Read:           apps.Rights(),
	UnfilteredHTML: apps.Rights(), // says how something is written, not what

	EditPosts: writing, EditOthersPosts: writing, EditPrivatePosts: writing, ReadPrivatePosts: writing,
	DeletePosts: writing, DeleteOthersPosts: writing, DeletePrivatePosts: writing,
	EditPages: writing, EditOthersPages: writing, EditPrivatePages: writing, ReadPrivatePages: writing,
	DeletePages: writing, DeleteOthersPages: writing, DeletePrivatePages: writing,

	PublishPosts: {apps.Publish}, EditPublishedPosts: {apps.Publish}, DeletePublishedPosts: {apps.Publish},
	PublishPages: {apps.Publish}, EditPublishedPages: {apps.Publish}, DeletePublishedPages: {apps.Publish},
	ManageCategories: {apps.Publish}, // readers see the terms

	UploadFiles: {apps.Media}, UnfilteredUpload: {apps.Media},
	ModerateComments: {apps.Comments},
	ManageOptions:    {apps.Options},
	ListUsers:        {apps.Users}, EditUsers: {apps.Users}, CreateUsers: {apps.Users},
	DeleteUsers: {apps.Users}, RemoveUsers: {apps.Users}, PromoteUsers: {apps.Users},
}

// Can reports whether the caller has a capability: the role of the user holds
// it, and the scope of the credential lets it through. No one has none.
func (i Identity) Can(c Capability) bool {
	return i.LoggedIn() && i.User.Role.Can(c) && i.Lets(c)
}

// Lets reports whether the scope of the caller's credential lets a capability through, whatever the role holds. It is for
// what any role may do that comes so far, and a limited key may not.
func (i Identity) Lets(c Capability) bool {
	return len(i.Scope.Rights) == 0 || i.May(rights[c]...)
}

// May reports whether the scope of the caller's credential holds one of the
// rights.
func (i Identity) May(rights ...apps.Right) bool {
	for _, r := range rights {
		if i.Scope.Allows(r) {
			return true
		}
	}
	return false
}

// Within is the caller at something that one right covers whole, whatever capabilities it takes: to read what the user
// sees takes the capability to edit it, and to moderate comments that to edit their post. It has all capabilities of
// the user if the scope holds the right, and none if it does not.
func (i Identity) Within(r apps.Right) Identity {
	if !i.May(r) {
		return Identity{Addr: i.Addr, Agent: i.Agent}
	}
	i.Scope = apps.Scope{}
	return i
}

// OnFiles is the caller at the changing of files: Within of the right to them, for packages that do not know keys.
func (i Identity) OnFiles() Identity { return i.Within(apps.Media) }
