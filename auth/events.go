package auth

import "github.com/quillgate/quillgate/audit"

// Kinds of audit events about people and their credentials. No line holds a
// password, a code or a token.
const (
	UserCreated   audit.Kind = "user.created"
	UserChanged   audit.Kind = "user.changed" // profile or address; "changed" names the fields
	UserPassword  audit.Kind = "user.password"
	UserRole      audit.Kind = "user.role"
	UserMode      audit.Kind = "user.password-mode"
	UserNetworks  audit.Kind = "user.networks"
	UserSuspended audit.Kind = "user.suspended"
	UserResumed   audit.Kind = "user.resumed"
	UserDeleted   audit.Kind = "user.deleted"
	PolicyChanged audit.Kind = "policy.changed"

	SignedIn         audit.Kind = "sign-in.accepted"
	SignInFailed     audit.Kind = "sign-in.failed"    // the first failure of a burst from an address
	SignInThrottled  audit.Kind = "sign-in.throttled" // from then on, attempts must wait
	SetUpCodeMade    audit.Kind = "set-up-code.made"
	SetUpCodeUsed    audit.Kind = "set-up-code.used"
	ResetCodeMade    audit.Kind = "reset-code.made" // for the link in a mail to set a new password
	ResetCodeUsed    audit.Kind = "reset-code.used"
	SecondFactorOn   audit.Kind = "second-factor.on"
	SecondFactorOff  audit.Kind = "second-factor.off"
	SecondFactorGone audit.Kind = "second-factor.reset" // by an operator or administrator
	RecoveryMade     audit.Kind = "recovery-codes.made"
	RecoveryUsed     audit.Kind = "recovery-code.used"
)
