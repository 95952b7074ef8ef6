//go:build unix && !darwin

package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"
)

// available asks the session bus for the state of the Secret Service, without
// starting a bus or opening a window. go-keyring would do both, and would wait
// for ever for a service that hangs.
func available(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- secretService(ctx) }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLocked, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: the Secret Service does not answer", ErrLocked)
	}
}

func secretService(ctx context.Context) error {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" {
		return errors.New("this session has no message bus (DBUS_SESSION_BUS_ADDRESS is empty), so no keyring")
	}
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("the message bus of this session does not answer: %w", err)
	}
	defer conn.Close()
	const service = "org.freedesktop.secrets"
	var owned bool
	var startable []string
	bus := conn.BusObject()
	if err := bus.CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, service).Store(&owned); err != nil {
		return fmt.Errorf("the message bus of this session does not answer: %w", err)
	}
	if !owned {
		_ = bus.CallWithContext(ctx, "org.freedesktop.DBus.ListActivatableNames", 0).Store(&startable)
		if !slices.Contains(startable, service) {
			return errors.New("this session has no keyring (no Secret Service)")
		}
	}
	var collection dbus.ObjectPath
	if err := conn.Object(service, "/org/freedesktop/secrets").CallWithContext(ctx, "org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&collection); err != nil {
		return fmt.Errorf("the keyring does not answer: %w", err)
	}
	if collection == "/" {
		return errors.New("there is no default keyring yet: open your keyring application and create one")
	}
	state, err := conn.Object(service, collection).GetProperty("org.freedesktop.Secret.Collection.Locked")
	if err != nil {
		return fmt.Errorf("the keyring does not answer: %w", err)
	}
	if isLocked, _ := state.Value().(bool); isLocked && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		// With a display, the keyring prompts the person.
		return errors.New("the keyring is locked: unlock it by signing in to the desktop")
	}
	return nil
}
