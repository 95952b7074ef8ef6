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

// need lists the rights, one of which a method requires. An empty list means
// that every key may call the method: methods without a sign-in, those that
// list blogs, and those about the key itself.
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

// covering returns the right of the caller that covers all capabilities that
// the method checks, or "" if there is none. For writing, the post itself
// decides further; and a key for files may not change posts.
func (n need) covering(who auth.Identity) apps.Right {
	for _, r := range n {
		if r != apps.Draft && r != apps.Publish && r != apps.Media && who.May(r) {
			return r
		}
	}
	return ""
}

// admit checks a method against the scope of the caller's credential, and
// returns the caller for the method. The user's role is checked by package
// site.
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
