package options

import "encoding/json"

// Theme describes what the blog's theme offers to authors.
type Theme struct {
	Template   string `json:"template"`
	Stylesheet string `json:"stylesheet"`
	// Supports lists features by WordPress's names, such as "post-thumbnails".
	Supports []string `json:"supports"`
	// PageTemplates maps the file of each page template to its title; the
	// default is "default".
	PageTemplates map[string]string `json:"page_templates"`
}

// Theme returns the theme of the blog.
func (o *Values) Theme() Theme {
	t := Theme{Template: o.Text("template"), Stylesheet: o.Text("stylesheet")}
	// The table checks both when they are set.
	_ = json.Unmarshal([]byte(o.Text("theme_supports")), &t.Supports)
	_ = json.Unmarshal([]byte(o.Text("page_templates")), &t.PageTemplates)
	return t
}

// SupportsFeature reports whether the theme supports a feature, such as
// "post-thumbnails".
func (t Theme) SupportsFeature(feature string) bool {
	for _, f := range t.Supports {
		if f == feature {
			return true
		}
	}
	return false
}
