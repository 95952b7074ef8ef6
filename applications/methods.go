package applications

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/loose"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Faults of the methods.
var (
	ErrNotInMulticall = &xmlrpc.Fault{Code: http.StatusForbidden, Message: "Call this method on its own, not inside system.multicall."}
	ErrNoEnrolment    = &xmlrpc.Fault{Code: http.StatusForbidden, Message: "No enrolment is open for this code: it is wrong, has been used, or has expired."}
)

var errSecretInClear = &xmlrpc.Fault{Code: http.StatusForbidden, Message: "Keys can be created and changed over https only, or from the server's own machine. Use the https address."}

// createApplication answers xmlrpcs.createApplication(blog, user, password,
// name, settings), a method of the Secure XML-RPC plugin. The result is a
// struct with the name, the public key and the secret, which is never shown
// again. The row of the table ensures that the caller sent the account's
// password, over TLS or from this machine, and not in a multicall.
func (a *Calls) createApplication(ctx context.Context, who auth.Identity, p call) (xmlrpc.Value, error) {
	in, err := a.newKey(p.At("settings"))
	if err == nil {
		in.UserID, in.Name = who.User.ID, p.Text("name")
	}
	var app apps.App
	var secret apps.Secret
	if err == nil {
		app, secret, err = a.cfg.Apps.Create(ctx, who.Actor(), in)
	}
	var invalid *apps.Invalid
	switch {
	case errors.As(err, &invalid):
		return xmlrpc.Value{}, &xmlrpc.Fault{Code: http.StatusBadRequest, Message: "No application was created: " + invalid.Why + "."}
	case err != nil:
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Struct(
		xmlrpc.M("app", xmlrpc.String(app.Name)),
		xmlrpc.M("key", xmlrpc.String(app.Public)),
		xmlrpc.M("secret", xmlrpc.String(secret.Reveal())),
	), nil
}

// keySettings are the members of the settings; code is the second factor.
var keySettings = []string{"scope", "methods", "networks", "strict", "expires", "code"}

// newKey reads the settings of a key: scope, methods and networks, each as an
// array of strings or one string with spaces; strict; and expires as a date or
// a number of days.
func (a *Calls) newKey(settings xmlrpc.Value) (in apps.New, err error) {
	// If a limit were ignored, the key would be valid without it.
	if settings.Kind() != xmlrpc.KindStruct && textList(settings) != "" {
		return in, &apps.Invalid{Field: "settings", Why: "the settings are no struct"}
	}
	for _, m := range settings.Members() {
		if !slices.Contains(keySettings, m.Name) {
			return in, &apps.Invalid{Field: "settings", Why: "there is no setting " + strconv.Quote(xmlrpc.Shown(m.Name))}
		}
	}
	if in.Scope, err = apps.ParseScope(textList(settings.Get("scope")), textList(settings.Get("methods"))); err != nil {
		return in, err
	}
	if in.Networks, err = apps.ParseNetworks(textList(settings.Get("networks"))); err != nil {
		return in, err
	}
	in.Strict = loose.Truth(settings.Get("strict"))
	expires := settings.Get("expires")
	date, _, isDate := loose.Date(expires)
	switch {
	case isDate:
		in.Expires = date
	case expires.Kind() == xmlrpc.KindDateTime:
		return in, &apps.Invalid{Field: "expiry", Why: "it is not a date"}
	case !expires.IsZero() && loose.Text(expires) != "":
		days, err := strconv.Atoi(strings.TrimSpace(loose.Text(expires)))
		if err != nil || days < 1 || days > 36500 {
			return in, &apps.Invalid{Field: "expiry", Why: "it must be a date, or a number of days"}
		}
		in.Expires = a.cfg.Clock().Add(time.Duration(days) * 24 * time.Hour)
	}
	return in, nil
}

func textList(v xmlrpc.Value) string {
	if v.Kind() != xmlrpc.KindArray {
		return loose.Text(v)
	}
	var texts []string
	for _, e := range v.Elements() {
		texts = append(texts, loose.Text(e))
	}
	return strings.Join(texts, " ")
}

// introspect answers xmlrpcs.introspect() with what a client needs to know
// about its own key and its user, and nothing about others. Callers with a
// password or a token get the same about that.
func (a *Calls) introspect(ctx context.Context, who auth.Identity, _ call) (xmlrpc.Value, error) {
	blogs, err := a.cfg.Blogs(ctx, who)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	rights := who.Scope.Rights
	if len(rights) == 0 {
		rights = apps.Rights()
	}
	var scope []string
	for _, r := range rights {
		scope = append(scope, string(r))
	}
	members := []xmlrpc.Member{
		xmlrpc.M("via", xmlrpc.String(who.Via.String())),
		xmlrpc.M("scope", texts(scope)),
		xmlrpc.M("methods", texts(who.Scope.Methods)),
		xmlrpc.M("user", xmlrpc.Struct(
			xmlrpc.M("user_id", xmlrpc.String(strconv.FormatInt(who.User.ID, 10))),
			xmlrpc.M("username", xmlrpc.String(who.User.Login)),
			xmlrpc.M("display_name", xmlrpc.String(who.User.DisplayName)),
		)),
		xmlrpc.M("blogs", blogs),
		gmt("server_time", a.cfg.Clock()),
	}
	if who.App != nil {
		members = append(members, ownKey(who.App)...)
	}
	if who.Token != nil {
		members = append(members, ownToken(who.Token)...)
	}
	if who.App != nil && who.App.VerificationKey != nil {
		// A client without a secret checks signed answers with this key.
		key, err := publicResponseKey(ctx, a.cfg.Apps)
		if err != nil {
			return xmlrpc.Value{}, err
		}
		members = append(members, xmlrpc.M("response_key", xmlrpc.Struct(
			xmlrpc.M("keyid", xmlrpc.String(key.KeyID)),
			xmlrpc.M("alg", xmlrpc.String(key.Alg)),
			xmlrpc.M("public_key", xmlrpc.String(key.PublicKey)),
		)))
	}
	return xmlrpc.Struct(members...), nil
}

// ownKey returns the members that describe a key. Times that are not set are
// left out.
func ownKey(app *apps.App) []xmlrpc.Member {
	members := []xmlrpc.Member{
		xmlrpc.M("app", xmlrpc.String(app.Name)),
		xmlrpc.M("key", xmlrpc.String(app.Public)),
		xmlrpc.M("algorithm", xmlrpc.String(app.Algorithm)),
		xmlrpc.M("strict", xmlrpc.Bool(app.Strict)),
		networkTexts(app.Networks),
		gmt("created", app.Created),
		xmlrpc.M("superseded", xmlrpc.Bool(app.Successor != "")),
	}
	if !app.Expires.IsZero() {
		members = append(members, gmt("expires", app.Expires))
	}
	if app.Successor != "" {
		members = append(members, xmlrpc.M("successor", xmlrpc.String(app.Successor)), gmt("rotated", app.Rotated))
	}
	return members
}

// ownToken returns the members that describe a token or an application
// password.
func ownToken(t *apps.Token) []xmlrpc.Member {
	members := []xmlrpc.Member{
		xmlrpc.M("app", xmlrpc.String(t.Name)),
		xmlrpc.M("token", xmlrpc.String(t.ID)),
		xmlrpc.M("kind", xmlrpc.String(string(t.Kind))),
		networkTexts(t.Networks),
		gmt("created", t.Created),
	}
	if !t.Expires.IsZero() {
		members = append(members, gmt("expires", t.Expires))
	}
	return members
}

func texts(list []string) xmlrpc.Value {
	out := make([]xmlrpc.Value, len(list))
	for i, s := range list {
		out[i] = xmlrpc.String(s)
	}
	return xmlrpc.Array(out...)
}

func networkTexts(list []netip.Prefix) xmlrpc.Member {
	var networks []string
	for _, n := range list {
		networks = append(networks, n.String())
	}
	return xmlrpc.M("networks", texts(networks))
}

// gmt returns a member with a time in GMT.
func gmt(name string, t time.Time) xmlrpc.Member {
	return xmlrpc.M(name+"_gmt", xmlrpc.DateTime(t.UTC().Format("20060102T15:04:05")))
}

// rotate answers xmlrpcs.rotate(overlap_hours, algorithm, verification_key,
// lost_successor) with the pair that succeeds the key that signed the call. A
// key without a secret sends the verification key of its successor. A key with
// a secret may name a successor whose secret did not arrive.
func (a *Calls) rotate(ctx context.Context, who auth.Identity, p call) (xmlrpc.Value, error) {
	q := p.in.Identity
	if !q.Secure() {
		return xmlrpc.Value{}, errSecretInClear
	}
	overlap := apps.DefaultOverlap
	if p.Given("overlap_hours") {
		hours := p.Int("overlap_hours")
		if hours < 0 || time.Duration(hours) > apps.MaxOverlap/time.Hour {
			return xmlrpc.Value{}, &xmlrpc.Fault{Code: http.StatusBadRequest, Message: fmt.Sprintf("The overlap must be a number of hours from 0 to %d.", int(apps.MaxOverlap.Hours()))}
		}
		overlap = time.Duration(hours) * time.Hour
	}
	var next apps.App
	var secret apps.Secret
	var err error
	if who.App.VerificationKey == nil && p.Given("lost_successor") {
		next, secret, err = a.cfg.Apps.RotateAgain(ctx, who.Actor(), who.User.ID, who.App.Public, overlap, p.Text("lost_successor"))
	} else if who.App.VerificationKey == nil {
		next, secret, err = a.cfg.Apps.Rotate(ctx, who.Actor(), who.User.ID, who.App.Public, overlap)
	} else {
		var key apps.VerificationKey
		if key, err = apps.ParseVerificationKey(p.Text("algorithm"), []byte(p.Text("verification_key"))); err == nil {
			next, err = a.cfg.Apps.RotateKey(ctx, who.Actor(), who.User.ID, who.App.Public, overlap, key)
		}
	}
	if err != nil {
		return xmlrpc.Value{}, err
	}
	old, err := a.cfg.Apps.Get(ctx, who.App.Public)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	members := []xmlrpc.Member{
		xmlrpc.M("app", xmlrpc.String(next.Name)),
		xmlrpc.M("key", xmlrpc.String(next.Public)),
		xmlrpc.M("algorithm", xmlrpc.String(next.Algorithm)),
		gmt("old_key_ends", old.Expires),
	}
	if !secret.IsEmpty() {
		members = append(members, xmlrpc.M("secret", xmlrpc.String(secret.Reveal())))
	}
	if !next.Expires.IsZero() {
		members = append(members, gmt("expires", next.Expires))
	}
	return xmlrpc.Struct(members...), nil
}

// revoke answers xmlrpcs.revoke() and revokes the key that signed the call.
func (a *Calls) revoke(ctx context.Context, who auth.Identity, _ call) (xmlrpc.Value, error) {
	if err := a.cfg.Apps.Revoke(ctx, who.Actor(), who.User.ID, who.App.Public); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

// codeLabel stands for one-time codes where wrong attempts are counted.
const codeLabel = "enrolment code"

// enrol answers xmlrpcs.enrol(code, name, algorithm, verification_key). A
// client that holds the code of an open enrolment registers the public half of
// its key pair, and signs with the private half from then on.
func (a *Calls) enrol(ctx context.Context, _ auth.Identity, p call) (xmlrpc.Value, error) {
	q := p.in.Identity
	if !q.Secure() {
		return xmlrpc.Value{}, errSecretInClear
	}
	if len(p.Text("code")) > 100 {
		return xmlrpc.Value{}, ErrNoEnrolment
	}
	key, err := apps.ParseVerificationKey(p.Text("algorithm"), []byte(p.Text("verification_key")))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	by := auth.Identity{Addr: q.Addr()}.Actor()
	by.Via = codeLabel
	var app apps.App
	err = q.Attempt(ctx, codeLabel, func() error {
		app, err = a.cfg.Apps.EnrolByCode(ctx, by, p.Text("code"), p.Text("name"), key)
		if errors.Is(err, apps.ErrNoEnrolment) {
			return auth.ErrDenied
		}
		return err
	})
	switch {
	case errors.Is(err, auth.ErrDenied) && !errors.As(err, new(*auth.Throttled)):
		return xmlrpc.Value{}, ErrNoEnrolment
	case err != nil:
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Struct(
		xmlrpc.M("app", xmlrpc.String(app.Name)),
		xmlrpc.M("key", xmlrpc.String(app.Public)),
		xmlrpc.M("algorithm", xmlrpc.String(app.Algorithm)),
	), nil
}
