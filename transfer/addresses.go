package transfer

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/permalink"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wxr"
)

// Posts keep the addresses that they had elsewhere: if nothing else answers at
// an old address, visitors are redirected (site.OldAddress). Only posts that
// visitors of the source can see have old addresses, and only a few each.
// Bundles and exports include them.

// fieldOldAddress is the custom field of an export that holds an address in the
// form of permalink.Old. fieldBlogger is the field in which importers of
// WordPress keep the address that a post had on Blogger.
const (
	fieldOldAddress = "_old_address"
	fieldBlogger    = "blogger_permalink"
)

// oldAddress is an address that a post had elsewhere.
type oldAddress struct {
	Address string `db:"address"`
	Post    int64  `db:"post_id"`
}

// oldPlace is the address of the blog that a file was exported from.
type oldPlace struct {
	hosts map[string]bool // without www.; if empty, links to every host belong to the blog
	below string          // the path of its home page, in the form of permalink.Old, without a slash at its end
}

func newOldPlace(addresses []string) oldPlace {
	place := oldPlace{hosts: map[string]bool{}}
	for i, address := range addresses {
		if host := hostOf(address); host != "" {
			place.hosts[host] = true
		}
		if i == 0 {
			place.below = strings.TrimRight(permalink.Old(address), "/")
		}
	}
	return place
}

// hostOf returns the host of an address in the form for comparisons, or "" for
// a relative address.
func hostOf(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
}

// forms returns what is remembered of an address of the source: the whole path
// and, if the source was below another path, the part after that path. It
// returns nothing for the home page and for other hosts.
func (o oldPlace) forms(address string) []string {
	old := permalink.Old(address)
	if host := hostOf(address); old == "" || host != "" && len(o.hosts) > 0 && !o.hosts[host] {
		return nil
	}
	if strings.TrimRight(old, "/") == o.below {
		return nil // the home page of the source
	}
	forms := []string{old}
	if rest, below := strings.CutPrefix(old, o.below); below && o.below != "" && permalink.ValidOld(rest) {
		forms = append(forms, rest)
	}
	return forms
}

// addressesOf returns the addresses that a post of the file had, in the form of
// permalink.Old. here is its id in this blog. Plain addresses with the same
// number are omitted, since they work without being remembered.
func (o oldPlace) addressesOf(p *wxr.Post, here int64) []string {
	switch {
	case p.Type != site.TypePost && p.Type != site.TypePage && p.Type != site.TypeAttachment:
		return nil
	case p.Status != site.StatusPublish && p.Status != site.StatusPrivate && p.Status != site.StatusInherit:
		return nil
	}
	list := o.forms(p.Link)
	if here != p.ID && strings.Contains(p.GUID, "/?") {
		list = append(list, o.forms(p.GUID)...) // the plain address, with the id in the source
	}
	for _, m := range p.Meta {
		switch {
		case m.Key == fieldBlogger:
			list = append(list, o.forms(m.Value)...)
		case m.Key == fieldOldAddress && permalink.ValidOld(m.Value):
			list = append(list, m.Value)
		}
	}
	return slices.DeleteFunc(list, func(address string) bool {
		_, query, _ := strings.Cut(address, "/?")
		name, number, _ := strings.Cut(query, "=")
		return number == strconv.FormatInt(here, 10) && (name == "p" || name == "page_id" || name == "attachment_id")
	})
}

// rememberOld stores the addresses that the batch's posts had. Addresses stored
// earlier stay.
func (b *intakeBatch) rememberOld(ctx context.Context) error {
	place := newOldPlace(b.in.cfg.Addresses)
	var list []oldAddress
	var posts []int64
	for i := range b.posts {
		p := &b.posts[i]
		found := place.addressesOf(p.Post, p.row.ID)
		for _, address := range found {
			list = append(list, oldAddress{database.CleanText(address), p.row.ID})
		}
		if len(found) > 0 {
			posts = append(posts, p.row.ID)
		}
	}
	has := map[int64]int{}
	err := database.SelectIn(ctx, b.tx, `SELECT address, post_id FROM old_addresses WHERE post_id IN (?)`, posts, func(a oldAddress) { has[a.Post]++ })
	if err != nil {
		return fmt.Errorf("look for the old addresses of posts: %w", err)
	}
	taken, err := oldOwners(ctx, b.tx, list)
	if err != nil {
		return err
	}
	fresh := database.NewRows("old_addresses", "address, post_id")
	for _, a := range list {
		if _, known := taken[a.Address]; known || has[a.Post] >= site.MaxOldAddresses {
			continue
		}
		taken[a.Address] = a.Post
		has[a.Post]++
		fresh.Add(a.Address, a.Post)
	}
	return fresh.Insert(ctx, b.tx)
}

// oldOwners finds the posts that already have the addresses.
func oldOwners(ctx context.Context, tx *database.Tx, list []oldAddress) (map[string]int64, error) {
	addresses := make([]string, len(list))
	for i, a := range list {
		addresses[i] = a.Address
	}
	owners := map[string]int64{}
	err := database.SelectIn(ctx, tx, `SELECT address, post_id FROM old_addresses WHERE address IN (?)`, addresses, func(a oldAddress) { owners[a.Address] = a.Post })
	if err != nil {
		return nil, fmt.Errorf("look for old addresses: %w", err)
	}
	return owners, nil
}

// checkOld returns what is wrong with the old addresses of a post in a bundle.
func checkOld(addresses []string) (field, why string) {
	const name = "old_addresses"
	if len(addresses) > site.MaxOldAddresses {
		return name, fmt.Sprintf("there are more than %d", site.MaxOldAddresses)
	}
	for _, address := range addresses {
		if !permalink.ValidOld(address) {
			return name, fmt.Sprintf("%.60q is not a path with or without a query, such as /2015/03/name.html, of at most %d bytes", address, permalink.MaxOld)
		}
	}
	return "", ""
}

// importOld gives the posts their old addresses from the bundle, and removes
// these from the posts that had them. Posts without old addresses in the bundle
// keep theirs.
func (im *importer) importOld(ctx context.Context, changed map[int64]bool) error {
	var list []oldAddress
	var posts []int64
	wanted := map[string]int64{}
	for i := range im.bundle.Posts {
		p := &im.bundle.Posts[i]
		for _, address := range p.OldAddresses {
			if owner, twice := wanted[address]; twice && owner != p.ID {
				return &BundleError{fmt.Sprintf("post %d", p.ID), "old_addresses", fmt.Sprintf("post %d also has %q", owner, address)}
			}
			wanted[address] = p.ID
			list = append(list, oldAddress{address, p.ID})
		}
		if len(p.OldAddresses) > 0 {
			posts = append(posts, p.ID)
		}
	}
	owners, err := oldOwners(ctx, im.tx, list)
	if err != nil {
		return err
	}
	err = database.SelectIn(ctx, im.tx, `SELECT address, post_id FROM old_addresses WHERE post_id IN (?)`, posts, func(a oldAddress) { owners[a.Address] = a.Post })
	if err != nil {
		return fmt.Errorf("read the old addresses of posts: %w", err)
	}
	var gone []string
	for address, owner := range owners {
		if wanted[address] != owner {
			gone = append(gone, address)
			changed[owner] = true
		}
	}
	if err := database.ExecIn(ctx, im.tx, `DELETE FROM old_addresses WHERE address IN (?)`, gone); err != nil {
		return fmt.Errorf("forget old addresses: %w", err)
	}
	fresh := database.NewRows("old_addresses", "address, post_id")
	for _, a := range list {
		if owners[a.Address] == a.Post {
			continue
		}
		owners[a.Address] = a.Post
		fresh.Add(a.Address, a.Post)
		changed[a.Post] = true
	}
	return fresh.Insert(ctx, im.tx)
}

// oldAddresses reads the old addresses of posts.
func (ex *exporter) oldAddresses(ctx context.Context, posts []int64) (map[int64][]string, error) {
	list := map[int64][]string{}
	err := database.SelectIn(ctx, ex.tx, `SELECT address, post_id FROM old_addresses WHERE post_id IN (?) ORDER BY post_id, address`, posts,
		func(a oldAddress) { list[a.Post] = append(list[a.Post], a.Address) })
	if err != nil {
		return nil, fmt.Errorf("read the old addresses of posts: %w", err)
	}
	return list, nil
}
