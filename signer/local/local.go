// Package local is the signer on the user's own computer: a proxy on loopback
// for clients that publish over plain HTTP with a user name and a password. It
// signs each call, or inserts the blog's credential, and forwards it over TLS.
//
// It also stores the settings of each blog, and the secrets, sealed by a key in
// the user's keyring or under a pass-phrase.
package local
