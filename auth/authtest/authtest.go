// Package authtest contains what tests of several packages need from package
// auth.
package authtest

import "github.com/quillgate/quillgate/auth"

// CheapHash is the cost of password hashes in tests that are not about them. A
// hash of the default cost takes longer than most calls in a test.
var CheapHash = auth.HashCost{Memory: 8, Passes: 1}
