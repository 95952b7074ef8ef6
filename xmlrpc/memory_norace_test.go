//go:build unix && !race

package xmlrpc_test

const uploadSize = 60 << 20
