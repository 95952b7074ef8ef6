//go:build unix

package local

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

func isInUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

func inUse(at netip.AddrPort, err error) error {
	if isInUse(err) {
		return fmt.Errorf("listen on %s: the port is in use: %w", at, err)
	}
	return fmt.Errorf("listen on %s: %w", at, err)
}
