package auth

// Capability is a right of a role, with WordPress's name.
type Capability string

// The capabilities of WordPress's built-in roles.
const (
	Read                 Capability = "read"
	EditPosts            Capability = "edit_posts"
	DeletePosts          Capability = "delete_posts"
	UploadFiles          Capability = "upload_files"
	EditPublishedPosts   Capability = "edit_published_posts"
	PublishPosts         Capability = "publish_posts"
	DeletePublishedPosts Capability = "delete_published_posts"

	ModerateComments     Capability = "moderate_comments"
	ManageCategories     Capability = "manage_categories"
	ManageLinks          Capability = "manage_links"
	UnfilteredHTML       Capability = "unfiltered_html"
	EditOthersPosts      Capability = "edit_others_posts"
	EditPrivatePosts     Capability = "edit_private_posts"
	ReadPrivatePosts     Capability = "read_private_posts"
	DeleteOthersPosts    Capability = "delete_others_posts"
	DeletePrivatePosts   Capability = "delete_private_posts"
	EditPages            Capability = "edit_pages"
	EditOthersPages      Capability = "edit_others_pages"
	EditPublishedPages   Capability = "edit_published_pages"
	EditPrivatePages     Capability = "edit_private_pages"
	ReadPrivatePages     Capability = "read_private_pages"
	PublishPages         Capability = "publish_pages"
	DeletePages          Capability = "delete_pages"
	DeleteOthersPages    Capability = "delete_others_pages"
	DeletePublishedPages Capability = "delete_published_pages"
	DeletePrivatePages   Capability = "delete_private_pages"

	ManageOptions    Capability = "manage_options"
	EditDashboard    Capability = "edit_dashboard"
	EditFiles        Capability = "edit_files"
	UnfilteredUpload Capability = "unfiltered_upload"
	Import           Capability = "import"
	Export           Capability = "export"
	ListUsers        Capability = "list_users"
	EditUsers        Capability = "edit_users"
	CreateUsers      Capability = "create_users"
	DeleteUsers      Capability = "delete_users"
	RemoveUsers      Capability = "remove_users"
	PromoteUsers     Capability = "promote_users"
	SwitchThemes     Capability = "switch_themes"
	EditThemes       Capability = "edit_themes"
	EditThemeOptions Capability = "edit_theme_options"
	InstallThemes    Capability = "install_themes"
	UpdateThemes     Capability = "update_themes"
	DeleteThemes     Capability = "delete_themes"
	ActivatePlugins  Capability = "activate_plugins"
	EditPlugins      Capability = "edit_plugins"
	InstallPlugins   Capability = "install_plugins"
	UpdatePlugins    Capability = "update_plugins"
	DeletePlugins    Capability = "delete_plugins"
	UpdateCore       Capability = "update_core"
)

// Role is the role of a user on the site, with WordPress's name.
type Role string

// WordPress's five roles.
const (
	Administrator Role = "administrator"
	Editor        Role = "editor"
	Author        Role = "author"
	Contributor   Role = "contributor"
	Subscriber    Role = "subscriber"
)

// roles is the only table of roles and capabilities. Every role has the
// capabilities of the roles after it, and those of its own row.
var roles = []struct {
	role  Role
	label string
	more  []Capability
}{
	{Administrator, "Administrator", []Capability{
		ManageOptions, EditDashboard, EditFiles, UnfilteredUpload, Import, Export,
		ListUsers, EditUsers, CreateUsers, DeleteUsers, RemoveUsers, PromoteUsers,
		SwitchThemes, EditThemes, EditThemeOptions, InstallThemes, UpdateThemes, DeleteThemes,
		ActivatePlugins, EditPlugins, InstallPlugins, UpdatePlugins, DeletePlugins, UpdateCore,
	}},
	{Editor, "Editor", []Capability{
		ModerateComments, ManageCategories, ManageLinks, UnfilteredHTML,
		EditOthersPosts, EditPrivatePosts, ReadPrivatePosts, DeleteOthersPosts, DeletePrivatePosts,
		EditPages, EditOthersPages, EditPublishedPages, EditPrivatePages, ReadPrivatePages, PublishPages,
		DeletePages, DeleteOthersPages, DeletePublishedPages, DeletePrivatePages,
	}},
	{Author, "Author", []Capability{UploadFiles, EditPublishedPosts, PublishPosts, DeletePublishedPosts}},
	{Contributor, "Contributor", []Capability{EditPosts, DeletePosts}},
	{Subscriber, "Subscriber", []Capability{Read}},
}

// granted is the same table, indexed.
var granted = func() map[Role]map[Capability]bool {
	all := make(map[Role]map[Capability]bool)
	for i, r := range roles {
		all[r.role] = make(map[Capability]bool)
		for _, below := range roles[i:] {
			for _, c := range below.more {
				all[r.role][c] = true
			}
		}
	}
	return all
}()

// Roles lists the roles, the most powerful first.
func Roles() []Role {
	list := make([]Role, len(roles))
	for i, r := range roles {
		list[i] = r.role
	}
	return list
}

// Valid reports whether the role is one of the five.
func (r Role) Valid() bool { return granted[r] != nil }

// Can reports whether the role has a capability. An unknown role has none.
func (r Role) Can(c Capability) bool { return granted[r][c] }

// Label returns the role's name for people, or "" for an unknown role.
func (r Role) Label() string {
	for _, row := range roles {
		if row.role == r {
			return row.label
		}
	}
	return ""
}
