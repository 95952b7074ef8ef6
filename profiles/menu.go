package profiles

import "strings"

// link is an entry of the menu.
type link struct {
	Path, Name string
	Here       bool
}

// Menu is where to go from here.
func (v *visit) Menu() []link {
	list := []link{
		{Path: "/profile", Name: v.T("Applications")},
		{Path: "/profile/activity", Name: v.T("Activity")},
		{Path: "/profile/security", Name: v.T("Security")},
		{Path: "/profile/account", Name: v.T("Account")},
	}
	if v.Administrator() {
		list = append(list,
			link{Path: "/admin/users", Name: v.T("Users")},
			link{Path: "/admin/applications", Name: v.T("All applications")},
			link{Path: "/admin/activity", Name: v.T("All activity")},
			link{Path: "/admin/settings", Name: v.T("Settings")})
	}
	for i := range list {
		at := v.r.URL.Path
		list[i].Here = at == list[i].Path || strings.HasPrefix(at, list[i].Path+"/") && list[i].Path != "/profile" ||
			list[i].Path == "/admin/settings" && at == "/admin/refusals" ||
			list[i].Path == "/profile" && strings.HasPrefix(at, "/profile/applications")
	}
	return list
}
