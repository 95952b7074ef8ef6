package wordpress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/applications"
	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// need is what a method asks of the scope of a key: one of the rights. None at all stand for methods that every key may
// call: those that take no sign-in, those that say which blogs there are, and those about the key itself.
type need []apps.Right

func needOf(row *methods.Method) need {
	var n need
	for _, right := range row.Rights {
		n = append(n, apps.Right(right))
	}
	return n
}

func (n need) String() string {
	names := make([]string, len(n))
	for i, r := range n {
		names[i] = string(r)
	}
	return strings.Join(names, " or ")
}

// covering is the right of the caller that covers whatever capabilities the method asks for, "" when there is none. Writing
// is told apart further by what is written, at the posts themselves; and a key for files does not touch posts.
func (n need) covering(who auth.Identity) apps.Right {
	for _, r := range n {
		if r != apps.Draft && r != apps.Publish && r != apps.Media && who.May(r) {
			return r
		}
	}
	return ""
}

// admit checks a method against the scope of the caller's credential, and returns the caller as the method is to see
// them. What the user's role does not hold is refused further below.
func (m method) admit(who auth.Identity) (auth.Identity, error) {
	if who.Scope.IsZero() || m.SignIn == methods.Nobody || m.SignIn == methods.CodeOnly {
		return who, nil
	}
	if len(who.Scope.Methods) > 0 && !applications.Own(m.Name) && !slices.ContainsFunc(m.Names(), who.Scope.AllowsMethod) {
		return who, &xmlrpc.Fault{Code: codeForbidden, Message: fmt.Sprintf("Your key does not allow the method %s.", m.Name)}
	}
	if len(m.scope) > 0 && !who.May(m.scope...) {
		return who, &xmlrpc.Fault{Code: codeForbidden, Message: fmt.Sprintf("Your key lacks the right %s, which %s needs.", m.scope, m.Name)}
	}
	if r := m.scope.covering(who); r != "" {
		who = who.Within(r)
	}
	return who, nil
}
