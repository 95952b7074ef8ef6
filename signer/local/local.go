// Package local is the signer on the user's own computer: a proxy on loopback
// to which old programs talk as they always did, over plain HTTP, with a user
// name and a password. It signs each call, or puts the blog's credential into
// it, and sends it on over TLS.
//
// It also keeps what that needs: the settings of each blog, and the secrets,
// sealed by a key in the user's keyring or under a pass-phrase.
package local
