package apps

import "slices"

// Preset is a set of rights under a name, for the people who make a credential for a kind of client.
type Preset struct {
	Name   string // on the command line
	Label  string // on pages
	For    string // what it allows and which clients need it, in words
	Rights []Right
}

// Everything is the name of the preset without a limit.
const Everything = "everything"

// Presets lists the presets, the most common first. Pages and command line offer the same.
func Presets() []Preset {
	return []Preset{
		{"desktop-editor", "Desktop editor", "read, write, publish, upload files and moderate comments, for MarsEdit, Open Live Writer and other editors", []Right{Read, Draft, Publish, Media, Comments}},
		{"uploader", "Uploader", "see, upload and delete files, for scripts that only send pictures", []Right{Media}},
		{"reader", "Reader", "read everything and change nothing, for backups and statistics", []Right{Read}},
		{Everything, "Everything", "everything you may do, including your profile and the settings of the site", nil},
	}
}

// PresetNamed returns a preset by its name, and reports whether there is one.
func PresetNamed(name string) (Preset, bool) {
	at := slices.IndexFunc(Presets(), func(p Preset) bool { return p.Name == name })
	if at < 0 {
		return Preset{}, false
	}
	return Presets()[at], true
}

// Scope is what the preset lets through.
func (p Preset) Scope() Scope { return Scope{Rights: p.Rights} }

// Is reports whether a scope holds exactly the rights of the preset.
func (p Preset) Is(s Scope) bool {
	if len(p.Rights) != len(s.Rights) {
		return false
	}
	return !slices.ContainsFunc(p.Rights, func(r Right) bool { return !slices.Contains(s.Rights, r) })
}

// WritesBlindly reports whether a scope lets a client write posts, and not read. Editors begin with a refresh: they ask for
// the profile, the categories and the posts of everyone, and show an error when they are refused.
func (s Scope) WritesBlindly() bool {
	return len(s.Rights) > 0 && !s.Allows(Read) && (s.Allows(Draft) || s.Allows(Publish))
}
