package profiles

import "github.com/quillgate/quillgate/apps"

// connected is a client that people connect, with the kind of credential and
// the preset of rights that it needs.
type connected struct {
	Name, About string
	kind        kind
	preset      string
}

// firstClients are the clients that the page of first steps offers. What it
// creates for them comes with instructions; see visit.programs.
var firstClients = []connected{
	{"MarsEdit", "on a Mac", kindPassword, "desktop-editor"},
	{"Open Live Writer", "on Windows", kindPassword, "desktop-editor"},
	{"WordPress or Jetpack", "on a phone or tablet", kindPassword, "desktop-editor"},
	{"Another client", "with fields for a user name and a password", kindPassword, "desktop-editor"},
	{"A script that posts", "and signs its calls", kindKey, "desktop-editor"},
	{"A script that uploads", "and signs its calls", kindKey, "uploader"},
	{"Something that only reads", "such as a backup, and signs its calls", kindKey, "reader"},
}

// step is a client with the credential that is created for it.
type step struct {
	connected
	Kind, Preset string // the value in the form for a new application
	Makes        string // the rights, in words
}

// firstSteps shows the next steps after the blog was set up. The page remains
// available.
func (v *visit) firstSteps() error {
	v.title = v.T("First steps")
	var steps []step
	for _, c := range firstClients {
		p, _ := apps.PresetNamed(c.preset)
		c.About = v.T(c.About)
		steps = append(steps, step{c, string(c.kind), c.preset, v.T("%s, %s", v.KindName(c.kind), v.T(p.Label))})
	}
	return v.show("first-steps", steps)
}
