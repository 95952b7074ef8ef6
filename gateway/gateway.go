// Package gateway is the shield in front of a WordPress that stays as it is.
// Outside it takes what the server takes: signed calls, tokens and, as far as
// the operator allows them, passwords. Inside it calls the WordPress with the
// user's own credential, in calls that it writes anew.
package gateway
