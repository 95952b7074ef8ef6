package auth

import "github.com/quillgate/quillgate/apps"

// writing are the rights that allow writing posts and pages in some form.
var writing = []apps.Right{apps.Draft, apps.Publish}

// rights lists, for each capability, the rights of which a limited credential
// needs one. A capability without a row is not available to limited
// credentials.
var rights = map[Capability][]apps.Right{
	Read:           apps.Rights(),
	UnfilteredHTML: apps.Rights(), // affects the form of a text, not the action

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

// Can reports whether the caller has a capability: the role of the user
// includes it, and the scope of the credential allows it. Anonymous callers
// have none.
func (i Identity) Can(c Capability) bool {
	return i.LoggedIn() && i.User.Role.Can(c) && i.Lets(c)
}

// Lets reports whether the scope of the caller's credential allows a
// capability, whatever the role. It is for actions that are open to every role,
// but not to every limited key.
func (i Identity) Lets(c Capability) bool {
	return len(i.Scope.Rights) == 0 || i.May(rights[c]...)
}

// May reports whether the scope of the caller's credential includes one of the
// rights.
func (i Identity) May(rights ...apps.Right) bool {
	for _, r := range rights {
		if i.Scope.Allows(r) {
			return true
		}
	}
	return false
}

// Within returns the caller for an action that one right covers completely,
// whatever capabilities it needs: reading what the user sees needs the
// capability to edit it, and moderating comments that to edit their post. The
// result has all capabilities of the user if the scope includes the right, and
// none otherwise.
func (i Identity) Within(r apps.Right) Identity {
	if !i.May(r) {
		return Identity{Addr: i.Addr, Agent: i.Agent}
	}
	i.Scope = apps.Scope{}
	return i
}

// OnFiles returns the caller for changes to files: Within of the right to them,
// for packages that do not know keys.
func (i Identity) OnFiles() Identity { return i.Within(apps.Media) }
