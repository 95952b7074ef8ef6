package site

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

// takeUsers finds the people of the batch by login, and makes those who are not there: authors without a password.
func (b *intakeBatch) takeUsers(ctx context.Context) error {
	authors, keys := b.authors()
	if err := b.findUsers(ctx, keys); err != nil {
		return err
	}
	var fresh []*PortableAuthor
	var mails []string
	for i := range authors {
		key := b.userKey(authors[i].Login)
		if _, there := b.users[key]; there {
			if i < len(b.batch.Authors) {
				b.report.Users.Same++
			}
			continue
		}
		b.users[key] = 0
		fresh = append(fresh, &authors[i])
		mails = append(mails, loginKey(authors[i].Email))
	}
	if err := b.makeUsers(ctx, fresh, mails); err != nil {
		return err
	}
	return b.mapUsers(ctx)
}

// userKey is the key of the login that an author has here.
func (b *intakeBatch) userKey(login string) string {
	key := loginKey(login)
	if here, mapped := b.in.cfg.Authors[key]; mapped {
		return here
	}
	return key
}

// authors are the declared authors of the batch, then those whom only posts name, and the keys of all.
func (b *intakeBatch) authors() (list []PortableAuthor, keys []string) {
	list = slices.Clone(b.batch.Authors)
	seen := map[string]bool{}
	for _, a := range list {
		if key := b.userKey(a.Login); key != "" && !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	for i := range b.batch.Posts {
		login := b.batch.Posts[i].Author
		if key := b.userKey(login); key != "" && !seen[key] {
			seen[key] = true
			keys = append(keys, key)
			list = append(list, PortableAuthor{Login: login})
		}
	}
	return list, keys
}

func (b *intakeBatch) findUsers(ctx context.Context, keys []string) error {
	type user struct {
		ID  int64  `db:"id"`
		Key string `db:"login_key"`
	}
	err := inLists(ctx, b.tx, `SELECT id, login_key FROM users WHERE login_key IN (?)`, keys, func(u user) { b.users[u.Key] = u.ID })
	if err != nil {
		return fmt.Errorf("look for users: %w", err)
	}
	return nil
}

func (b *intakeBatch) makeUsers(ctx context.Context, list []*PortableAuthor, mails []string) error {
	if len(list) == 0 {
		return nil
	}
	takenMails := map[string]bool{}
	err := inLists(ctx, b.tx, `SELECT email_key FROM users WHERE email_key IN (?)`, mails, func(key string) { takenMails[key] = true })
	if err != nil {
		return fmt.Errorf("look for e-mail addresses: %w", err)
	}
	wishes := make([]int64, len(list))
	for i, a := range list {
		wishes[i] = a.ID
	}
	ids, err := newIDGiver(ctx, b.tx, "users", wishes)
	if err != nil {
		return err
	}
	for i, a := range list {
		object := fmt.Sprintf("author %q", a.Login)
		user := auth.ImportUser{
			ID: ids.give(a.ID), Login: cleanText(a.Login), Email: cleanText(a.Email), Role: auth.Author,
			DisplayName: cleanText(a.DisplayName), FirstName: cleanText(a.FirstName), LastName: cleanText(a.LastName),
		}
		if mails[i] != "" && takenMails[mails[i]] {
			b.differs(object, "the e-mail address is another user's and was left out")
			user.Email = ""
		}
		takenMails[mails[i]] = true
		if err := b.makeUser(ctx, user, object); err != nil {
			return err
		}
	}
	return nil
}

// makeUser makes one user, without the e-mail address when that is what cannot be taken.
func (b *intakeBatch) makeUser(ctx context.Context, user auth.ImportUser, object string) error {
	err := b.site.users.ImportUsers(ctx, b.tx, []auth.ImportUser{user})
	var bad *auth.Invalid
	if errors.As(err, &bad) && user.Email != "" {
		user.Email = ""
		b.differs(object, "the e-mail address cannot be taken and was left out")
		err = b.site.users.ImportUsers(ctx, b.tx, []auth.ImportUser{user})
	}
	if errors.As(err, &bad) {
		b.left(object, "not a user that can be made: "+bad.Why)
		return nil
	}
	if err != nil {
		return err
	}
	b.users[loginKey(user.Login)] = user.ID
	b.report.Users.Added++
	return nil
}

// mapUsers remembers the ids of declared authors, and finds those of the users whom comments and fields name.
func (b *intakeBatch) mapUsers(ctx context.Context) error {
	var pairs []idPair
	for _, a := range b.batch.Authors {
		if id := b.users[b.userKey(a.Login)]; a.ID > 0 && id > 0 {
			pairs = append(pairs, idPair{Old: a.ID, New: id})
			b.userIDs[a.ID] = id
		}
	}
	if err := b.rememberIDs(ctx, kindUser, pairs); err != nil {
		return err
	}
	wanted := map[int64]bool{}
	for i := range b.batch.Posts {
		p := &b.batch.Posts[i]
		for j := range p.Comments {
			wanted[p.Comments[j].UserID] = true
		}
		for _, m := range p.Meta {
			if id, ok := metaID(m, "_edit_last"); ok {
				wanted[id] = true
			}
		}
	}
	delete(wanted, 0)
	for id := range b.userIDs {
		delete(wanted, id)
	}
	return findIDs(ctx, b.tx, b.in.cfg.Source, kindUser, keysOf(wanted), func(p idPair) { b.userIDs[p.Old] = p.New })
}

// The kinds of ids that are remembered.
const (
	kindUser = "user"
	kindTerm = "term"
	kindPost = "post"
)

// idPair is an object's id there and here.
type idPair struct {
	Old     int64 `db:"old_id"`
	New     int64 `db:"new_id"`
	Mark    int64 `db:"mark"`
	Renamed bool  `db:"renamed"`
}

// rememberIDs writes pairs of ids; pairs that are there for the same ids give way.
func (b *intakeBatch) rememberIDs(ctx context.Context, kind string, pairs []idPair) error {
	slices.SortStableFunc(pairs, func(p, q idPair) int { return int(min(max(p.Old-q.Old, -1), 1)) })
	pairs = slices.CompactFunc(pairs, func(p, q idPair) bool { return p.Old == q.Old })
	olds := make([]int64, len(pairs))
	for i, p := range pairs {
		olds[i] = p.Old
	}
	there := map[int64]idPair{}
	if err := findIDs(ctx, b.tx, b.in.cfg.Source, kind, olds, func(p idPair) { there[p.Old] = p }); err != nil {
		return err
	}
	fresh := newRows("import_ids", "source, kind, old_id, new_id, mark, renamed")
	for _, p := range pairs {
		old, known := there[p.Old]
		if !known {
			fresh.add(b.in.cfg.Source, kind, p.Old, p.New, p.Mark, p.Renamed)
			continue
		}
		if old == p {
			continue
		}
		_, err := b.tx.Exec(ctx, `UPDATE import_ids SET new_id = $4, mark = $5, renamed = $6 WHERE source = $1 AND kind = $2 AND old_id = $3`,
			b.in.cfg.Source, kind, p.Old, p.New, p.Mark, p.Renamed)
		if err != nil {
			return fmt.Errorf("remember the id of a %s: %w", kind, err)
		}
	}
	return fresh.insert(ctx, b.tx)
}

// findIDs finds what is remembered of ids there.
func findIDs(ctx context.Context, q database.Queryer, source, kind string, olds []int64, each func(idPair)) error {
	err := inLists(ctx, q, `SELECT old_id, new_id, mark, renamed FROM import_ids WHERE source = ? AND kind = ? AND old_id IN (?)`, olds, each, source, kind)
	if err != nil {
		return fmt.Errorf("look up the ids of an earlier import: %w", err)
	}
	return nil
}

// keysOf are the keys of a set, in order.
func keysOf(set map[int64]bool) []int64 {
	list := make([]int64, 0, len(set))
	for id := range set {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}
