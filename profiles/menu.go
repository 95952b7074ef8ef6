package profiles

import "strings"

// Own returns the menu entries of the visitor's own pages.
func (v *visit) Own() []Link {
	return v.marked(
		Link{Path: "/profile", Name: v.T("Applications")},
		Link{Path: "/profile/activity", Name: v.T("Activity")},
		Link{Path: "/profile/security", Name: v.T("Security")},
		Link{Path: "/profile/account", Name: v.T("Account")})
}

// Site returns the menu entries of the pages about the site that the visitor
// may see.
func (v *visit) Site() []Link {
	list := v.sectionLinks()
	if v.Administrator() {
		list = append(list,
			Link{Path: "/admin/users", Name: v.T("Users")},
			Link{Path: "/admin/applications", Name: v.T("All applications")},
			Link{Path: "/admin/activity", Name: v.T("All activity")},
			Link{Path: "/admin/refusals", Name: v.T("Refusals")},
			Link{Path: "/admin/settings", Name: v.T("Settings")})
	}
	return v.marked(list...)
}

// marked marks the entry of the page that is shown.
func (v *visit) marked(list ...Link) []Link {
	at := v.r.URL.Path
	for i, l := range list {
		list[i].Here = at == l.Path || strings.HasPrefix(at, l.Path+"/") && l.Path != "/profile" ||
			l.Path == "/profile" && strings.HasPrefix(at, "/profile/applications")
	}
	return list
}
