package gateway

import (
	"bytes"
	"context"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// State is a state, for tests.
type State = state

// Rewrite is what becomes of a call on its way inside.
func Rewrite(name string, args []xmlrpc.Value, scope apps.Scope, ask func(context.Context, int64) (State, error)) ([]byte, error) {
	c, err := canonicalise(methods.Lookup(name), name, args)
	if err != nil {
		return nil, err
	}
	if err := decide(context.Background(), scope, c, ask); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = xmlrpc.WriteCall(&out, name, c.withLogin("login", "app-password")...)
	return out.Bytes(), err
}

// JetpackOnly reports whether a body may pass as Jetpack's.
var JetpackOnly = jetpackOnly
