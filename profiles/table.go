package profiles

// table is every page.
func (p *Pages) table() []row {
	return []row{
		{"GET /signin", anybody, (*visit).signInPage},
		{"POST /signin", anybody, (*visit).signIn},
		{"POST /signout", anybody, (*visit).signOut},

		{"GET /profile", person, (*visit).applications},
	}
}
