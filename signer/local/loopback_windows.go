package local

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/windows"
)

func isInUse(err error) bool { return errors.Is(err, windows.WSAEADDRINUSE) }

func inUse(at netip.AddrPort, err error) error {
	switch {
	case isInUse(err):
		return fmt.Errorf("listen on %s: the port is in use: %w", at, err)
	case errors.Is(err, windows.WSAEACCES):
		return fmt.Errorf("listen on %s: Windows reserves this port (netsh interface ipv4 show excludedportrange protocol=tcp lists such ports); choose another with --listen: %w", at, err)
	}
	return fmt.Errorf("listen on %s: %w", at, err)
}
