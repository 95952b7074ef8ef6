package auth

// reasons has, for each reason, what was refused and what to do about it. A
// reason without a row fails a test.
var reasons = map[Reason]struct{ words, remedy string }{
	MalformedHeader:     {"A signature that cannot be read", "Send the header in one of the two forms that the guide for client authors describes, on one line."},
	SeveralHeaders:      {"Several signatures at once", "Send one signature. A proxy may be adding an Authorization header of its own."},
	SeveralSchemes:      {"Two kinds of signature at once", "Send either the Authorization header or a message signature, not both."},
	UnknownKey:          {"A key that does not exist", "Copy the public key again from the page of the application, without spaces. If the key belongs to another site, add an application here."},
	RevokedKey:          {"A key that was revoked", "Add a new application, and enter its key in the client."},
	ExpiredKey:          {"A key that has expired", "Add a new application, or rotate the key before it expires next time."},
	UnusedKey:           {"A key that was disabled because it was not used", "Add a new application, and enter its key in the client."},
	WrongNetwork:        {"A network that is not allowed", "Check that the address is yours. If it is, add its network to those that the key or the account may be used from."},
	StrictKey:           {"A header signature, where RFC 9421 is required", "Set the client to sign by RFC 9421, or allow header signatures for this application."},
	VerificationKeyOnly: {"A header signature with a verification key", "Set the client to sign by RFC 9421: a verification key has no secret for the header."},
	SealedKey:           {"A key whose secret cannot be read", `Ask the operator to run "quillgate doctor". If the master key is lost, add a new application.`},
	WrongDigest:         {"A wrong signature", `Copy the secret again. If it is right, something on the way may change the body: the operator can check this with "quillgate doctor".`},
	LegacyForm:          {"A signature in the old, weaker form", "Update the client, or add an application with a client that signs in the present form."},
	KeyWithoutUser:      {"A key whose user was deleted", "Add an application for a user who exists."},
	SignedInstead:       {"A signature where only a password is accepted", "Do this on the pages of the site, or send the password of the account."},
	NotSigned:           {"No signature and no password", "Check that the client has the key, and that no proxy removes the Authorization header."},
	WrongCode:           {"A wrong authenticator code", "Check the clock of the phone, and wait for the next code. A code works only once."},
	UnknownUser:         {"A user that does not exist", "Check the user name in the client. A proxy with a password of its own may be passing it on."},
	WrongPassword:       {"A wrong password", "Enter the password again in the client. If this was not you and it goes on, set a longer password and a second factor."},
	EmptyPassword:       {"An empty password", "Enter user name and password in the client."},
	LongPassword:        {"A password that is too long", "Check what the client sends as its password: this one is longer than any can be."},
	EarlierFailure:      {"Calls that follow a wrong password in the same request", "Correct the password of the first call."},
	TooManyFailures:     {"Too many earlier wrong passwords", "Wait some minutes, correct the password in every client that has it, and try again."},
	ClearText:           {"A password over an unencrypted connection", "Change the address in the client to https, then change the password: others may have read it."},
	Overload:            {"Too many sign-ins at the same time", "Try again in a few seconds. If it happens often, use keys instead of passwords."},
	UnknownToken:        {"A token that does not exist", "Copy the token again. If it is lost, create a new one."},
	WrongToken:          {"A wrong token", "Copy the token again, with the user name that it belongs to. If it is lost, create a new one."},
	RevokedToken:        {"A token that was revoked", "Create a new token, and enter it in the client."},
	ExpiredToken:        {"A token that has expired", "Create a new token, and enter it in the client."},
	TokensOff:           {"A token, while tokens are disabled", "Use a key that signs, or ask an administrator to allow tokens."},
	PasswordsRefused:    {"An account password, which clients may not send", "Add an application, and enter its key or application password in the client."},
	SecondFactorNeeded:  {"A password without the second factor", "Add an application, and enter its key or application password in the client: it cannot ask for a code."},
	NoTag:               {"A signature without its tag", "Set the tag of the signature as the guide for client authors describes."},
	MissingParameter:    {"A signature without a parameter that it needs", "Send created, keyid, alg and a nonce with the signature."},
	NotCovered:          {"A signature that does not cover all required parts", "Sign every part that the guide for client authors lists."},
	NoContentDigest:     {"A signature without a digest of the body", "Send the Content-Digest header, and sign it."},
	OtherAlgorithm:      {"A signature with the wrong algorithm", "Sign with the algorithm that the page of the application shows."},
	OtherServer:         {"A signature for another server", "Check the address of the site in the client. Behind a proxy, the operator should check that it passes on the host."},
	StaleSignature:      {"A signature that is too old, or made with a wrong clock", "Set the clock of the client's computer."},
	Replayed:            {"A request that was already sent", "Sign each request with a new nonce. If the client did, someone on the way sends its requests again."},
	ManyNonces:          {"Too many requests with one key", "Send fewer requests at a time, and give each client a key of its own."},
}

// Words returns what was refused, such as "A key that was revoked". It is the
// reason itself if that is not one of this package.
func (r Reason) Words() string {
	if known, ok := reasons[r]; ok {
		return known.words
	}
	return string(r)
}

// Remedy returns what the user can do about it, in a sentence or two. It is
// empty if the reason is not one of this package.
func (r Reason) Remedy() string { return reasons[r].remedy }
