package profiles

// accountRows returns the pages about an account of this server.
func accountRows() []row {
	return []row{
		{"GET /signin/code", anybody, (*visit).codePage},
		{"POST /signin/code", anybody, (*visit).code},
		{"POST /signin/passkey/begin", anybody, (*visit).beginPasskeySignIn},
		{"POST /signin/passkey", anybody, (*visit).passkeySignIn},
		{"GET /signin/forgot", anybody, (*visit).forgotPage},
		{"POST /signin/forgot", anybody, (*visit).forgot},
		{"GET /signin/reset", anybody, (*visit).resetPage},
		{"POST /signin/reset", anybody, (*visit).reset},
		{"GET /profile/first-steps", person, (*visit).firstSteps},
		{"GET /setup", anybody, (*visit).setUpPage},
		{"POST /setup", anybody, (*visit).setUp},

		{"GET /wp-admin/authorize-application.php", person, (*visit).authorizePage},
		{"POST /wp-admin/authorize-application.php", person, (*visit).authorize},
		{"POST /profile/account", person, (*visit).account},
		{"POST /profile/security/password", person, (*visit).setPassword},
		{"POST /profile/security/code", person, (*visit).enrolFactor},
		{"POST /profile/security/code/confirm", person, (*visit).confirmFactor},
		{"POST /profile/security/code/remove", person, (*visit).removeFactor},
		{"POST /profile/security/codes", person, (*visit).newCodes},
		{"POST /profile/security/passkeys/begin", person, (*visit).beginPasskey},
		{"POST /profile/security/passkeys", person, (*visit).addPasskey},
		{"POST /profile/security/passkeys/change", person, (*visit).changePasskey},
		{"POST /admin/users", administrator, (*visit).addUser},
	}
}

// commonRows returns the pages that a blog and a gateway have in common.
func commonRows() []row {
	return []row{
		{"GET /signin", anybody, (*visit).signInPage},
		{"POST /signin", anybody, (*visit).signIn},
		{"GET /signin/again", person, (*visit).againPage},
		{"POST /signin/again", person, (*visit).again},
		{"POST /signout", anybody, (*visit).signOut},

		{"GET /authorize", person, (*visit).authorizePage},
		{"POST /authorize", person, (*visit).authorize},

		{"GET /profile", person, (*visit).applications},
		{"GET /profile/applications/new", person, (*visit).newPage},
		{"POST /profile/applications", person, (*visit).create},
		{"POST /profile/enrolment/close", person, (*visit).closeEnrolment},
		{"GET /profile/applications/{id}", person, (*visit).application},
		{"POST /profile/applications/{id}", person, (*visit).change},
		{"POST /profile/applications/{id}/name", person, (*visit).rename},
		{"GET /profile/applications/{id}/rotate", person, (*visit).rotatePage},
		{"POST /profile/applications/{id}/rotate", person, (*visit).rotate},
		{"GET /profile/applications/{id}/revoke", person, (*visit).revokePage},
		{"POST /profile/applications/{id}/revoke", person, (*visit).revokeOwn},
		{"GET /profile/activity", person, (*visit).activity},
		{"GET /profile/activity.csv", person, (*visit).exportActivity},
		{"GET /profile/activity.json", person, (*visit).exportActivity},
		{"GET /profile/account", person, (*visit).accountPage},
		{"GET /profile/security", person, (*visit).securityPage},
		{"POST /profile/security/sessions", person, (*visit).endSession},
		{"POST /profile/security/sessions/all", person, (*visit).endSessions},

		{"GET /admin", person, (*visit).adminHome},
		{"GET /admin/users", administrator, (*visit).users},
		{"GET /admin/users/{id}", administrator, (*visit).userPage},
		{"POST /admin/users/{id}", administrator, (*visit).changeUser},
		{"GET /admin/applications", administrator, (*visit).allApplications},
		{"GET /admin/applications/{id}", administrator, (*visit).adminRevokePage},
		{"POST /admin/applications/{id}/revoke", administrator, (*visit).adminRevoke},
		{"GET /admin/activity", administrator, (*visit).allActivity},
		{"GET /admin/activity.csv", administrator, (*visit).exportAll},
		{"GET /admin/activity.json", administrator, (*visit).exportAll},
		{"GET /admin/settings", administrator, (*visit).settingsPage},
		{"POST /admin/settings", administrator, (*visit).changeSettings},
		{"POST /admin/policy", administrator, (*visit).changePolicy},
		{"GET /admin/refusals", administrator, (*visit).refusals},
	}
}
