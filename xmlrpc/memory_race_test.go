//go:build unix && race

package xmlrpc_test

// Under the race detector everything takes ten times as long, and the memory is
// not that of the server.
const uploadSize = 4 << 20
