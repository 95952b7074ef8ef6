// Package interop holds tests only: what quillgate does is shown here from outside, with recorded exchanges, real
// client programs, hostile input and a process that is killed. It starts and stops its own servers, on loopback.
package interop
