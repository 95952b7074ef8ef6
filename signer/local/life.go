package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Overlap is how long an old key remains valid after a rotation, so that calls
// under way succeed. It is the shortest overlap that a blog allows.
const Overlap = time.Hour

// ErrNotRevoked means that a credential still works at the blog. The site is
// kept until the revocation is proven, so that it can be tried again.
var ErrNotRevoked = errors.New("the key is not revoked at the blog")

// ErrByHand means that the blog has no way to revoke a key remotely.
var ErrByHand = errors.New("the key was removed here, but the blog has no way to revoke it: delete it on your profile page there")

// Remove revokes the credential of a site at the blog and deletes the site. It
// deletes only what is proven to be revoked, except for [ErrByHand].
func (f *Folder) Remove(ctx context.Context, name string, base http.RoundTripper, version string) error {
	site, err := f.Book.Site(name)
	if err != nil {
		return err
	}
	secret, err := f.Secret(ctx, name)
	if errors.Is(err, ErrNoSecret) {
		return f.Forget(name) // an earlier attempt got this far
	}
	if err != nil {
		return err
	}
	switch err := revoke(ctx, site, secret, base, version); {
	case errors.Is(err, ErrByHand):
		return errors.Join(f.Forget(name), err)
	case err != nil:
		site.Revoking = true
		return errors.Join(fmt.Errorf("%w: %w: run “quillgate sign remove %s” again when the blog answers", ErrNotRevoked, err, name), f.Book.Put(site))
	}
	return f.Forget(name)
}

func revoke(ctx context.Context, site Site, secret Secret, base http.RoundTripper, version string) error {
	client, err := NewClient(site, secret, base, version)
	if err != nil {
		return err
	}
	switch site.Kind {
	case Quillgate:
		_, err := client.Call(ctx, "xmlrpcs.revoke")
		if fault, ok := errors.AsType[*xmlrpc.Fault](err); ok && fault.Code == http.StatusForbidden {
			return nil // it was revoked before, or has expired
		}
		return err
	case Plugin:
		// The blog must at least answer, or the person would be sent to a
		// profile page that cannot be reached.
		if _, err := client.Call(ctx, "demo.sayHello"); err != nil {
			return err
		}
		return ErrByHand
	}
	rest := restOf(site, base, version)
	uuid := site.UUID
	if uuid == "" {
		about, err := rest.Introspect(ctx, site.User, secret.Password)
		if err != nil {
			return fmt.Errorf("%w (delete it on your profile page, then run this with --forget)", err)
		}
		uuid = about.UUID
	}
	return rest.Revoke(ctx, site.User, secret.Password, uuid)
}

// Rotate gives a site a new credential. The old one remains valid for [Overlap]
// at a quillgate, and becomes invalid at once at a WordPress. At a WordPress
// with the plugin it stays valid, and the error is [ErrByHand]. Rotate finishes
// a rotation that was interrupted.
func (f *Folder) Rotate(ctx context.Context, name string, base http.RoundTripper, version string) error {
	site, err := f.Book.Site(name)
	if err != nil {
		return err
	}
	secret, err := f.Secret(ctx, name)
	if err != nil {
		return err
	}
	client, err := NewClient(site, secret, base, version)
	if err != nil {
		return err
	}
	switch {
	case site.Kind == Plugin:
		return f.rotatePlugin(ctx, site, secret, client)
	case site.Kind == WordPress:
		return f.rotatePassword(ctx, site, secret, restOf(site, base, version))
	case secret.Private != "":
		return f.rotatePair(ctx, site, secret, client)
	}
	return f.rotateSecret(ctx, site, secret, client)
}

// rotateSecret stores the secret that the blog creates. If the answer is lost,
// now or in an earlier attempt, nobody has that secret. The old key still
// signs, so it requests another successor in place of the lost one.
func (f *Folder) rotateSecret(ctx context.Context, site Site, secret Secret, client *Client) error {
	overlap := xmlrpc.Int(int64(Overlap / time.Hour))
	v, err := client.Call(ctx, "xmlrpcs.rotate", overlap)
	if isRotated(err) || isUnknown(err) {
		known, askErr := client.Call(ctx, "xmlrpcs.introspect")
		if askErr != nil {
			return errors.Join(fmt.Errorf("%w: run “quillgate sign rotate %s” again within an hour, as long as the old key works", err, site.Name), askErr)
		}
		v, err = client.Call(ctx, "xmlrpcs.rotate", overlap, xmlrpc.String(""), xmlrpc.String(""), xmlrpc.String(known.Get("successor").Text()))
	}
	if err != nil {
		return err
	}
	if v.Get("key").Text() == "" || v.Get("secret").Text() == "" {
		return errors.New("the answer to xmlrpcs.rotate holds no key")
	}
	secret.Public, secret.Secret = v.Get("key").Text(), v.Get("secret").Text()
	return f.replace(ctx, site, secret)
}

// isUnknown reports whether a failed call may have been carried out.
func isUnknown(err error) bool {
	t, ok := errors.AsType[*upstream.Trouble](err)
	return ok && t.Outcome == upstream.Unknown
}

// isRotated reports whether a blog refuses a rotation because the key was
// already rotated.
func isRotated(err error) bool {
	fault, ok := errors.AsType[*xmlrpc.Fault](err)
	return ok && fault.Code == http.StatusConflict
}

// rotatePair creates a new key pair. It stores the private half before it calls
// the blog. After a crash in between, it asks the old key for its successor.
func (f *Folder) rotatePair(ctx context.Context, site Site, secret Secret, client *Client) error {
	public := ""
	if secret.Next != "" {
		known, err := client.Call(ctx, "xmlrpcs.introspect")
		if err != nil {
			return err
		}
		public = known.Get("successor").Text()
	}
	if public == "" {
		private, verification, err := NewPair()
		if err != nil {
			return err
		}
		secret.Next = private
		if err := f.putSecret(ctx, site.Name, secret, ""); err != nil {
			return err
		}
		v, err := client.Call(ctx, "xmlrpcs.rotate", xmlrpc.Int(int64(Overlap/time.Hour)), xmlrpc.String(string(signature.Ed25519)), xmlrpc.String(verification))
		if err != nil {
			return err
		}
		if public = v.Get("key").Text(); public == "" {
			return errors.New("the answer to xmlrpcs.rotate holds no key")
		}
	}
	secret.Public, secret.Private, secret.Next = public, secret.Next, ""
	site.Algorithm = string(signature.Ed25519)
	return f.replace(ctx, site, secret)
}

func (f *Folder) rotatePlugin(ctx context.Context, site Site, secret Secret, client *Client) error {
	v, err := client.Call(ctx, "xmlrpcs.createApplication", xmlrpc.Int(1), xmlrpc.String(ApplicationName()))
	if err != nil {
		return err
	}
	// The answer to a missing name is an empty string, not a fault.
	if v.Get("key").Text() == "" || v.Get("secret").Text() == "" {
		return errors.New("the answer to xmlrpcs.createApplication holds no key")
	}
	secret.Public, secret.Secret = v.Get("key").Text(), v.Get("secret").Text()
	if err := f.replace(ctx, site, secret); err != nil {
		return err
	}
	return ErrByHand
}

func (f *Folder) rotatePassword(ctx context.Context, site Site, secret Secret, rest *upstream.REST) error {
	old, oldUUID := secret.Password, site.UUID
	uuid, fresh, err := rest.Create(ctx, site.User, old, ApplicationName())
	if err != nil {
		return err
	}
	secret.Password, site.UUID = fresh, uuid
	if err := f.replace(ctx, site, secret); err != nil {
		return err
	}
	if oldUUID == "" {
		return ErrByHand
	}
	if err := rest.Revoke(ctx, site.User, fresh, oldUUID); err != nil {
		return fmt.Errorf("the new password is in use, but the old one was not revoked: %w", err)
	}
	return nil
}

// replace stores a changed credential.
func (f *Folder) replace(ctx context.Context, site Site, secret Secret) error {
	if err := f.putSecret(ctx, site.Name, secret, ""); err != nil {
		return err
	}
	if secret.Public != "" {
		site.Public = secret.Public
	}
	return f.Book.Put(site)
}

// Again replaces the credential of a site by one that its owner has authorised,
// and then revokes the old one, which usually is refused already. Clients need
// no change: the local password stays, unless it was lost with the old
// credential; then the new one is returned. With the error [ErrNotRevoked], the
// new credential is in use, and the old one may still work.
func (f *Folder) Again(ctx context.Context, site Site, secret Secret, how Sealing, base http.RoundTripper, version string) (password string, err error) {
	oldSite, err := f.Book.Site(site.Name)
	if err != nil {
		return "", err
	}
	old, err := f.Secret(ctx, site.Name)
	if err != nil && !errors.Is(err, ErrNoSecret) && !errors.Is(err, ErrKeyLost) {
		return "", err
	}
	secret.Local = old.Local
	if password, err = f.Add(ctx, site, secret, how); err != nil {
		return "", err
	}
	if old.Local != "" {
		password = ""
	}
	switch {
	case old == secret:
		return password, nil // the same credential was entered again
	case old == (Secret{}):
		err = ErrNoSecret
	case site.Kind == WordPress && oldSite.UUID != "":
		err = restOf(site, base, version).Revoke(ctx, site.User, secret.Password, oldSite.UUID)
	default:
		err = revoke(ctx, oldSite, old, base, version)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNotRevoked, err)
	}
	return password, err
}

// restOf returns the REST interface of a WordPress.
func restOf(site Site, base http.RoundTripper, version string) *upstream.REST {
	return upstream.NewREST(site.Home, base, func(r *http.Request) { r.Header.Set("User-Agent", "quillgate-sign/"+version) })
}
