package site

// FilterContent is what happens to a post's text without the right to write any HTML.
func FilterContent(text string) string { return filterHTML(text, postPolicy()) }
