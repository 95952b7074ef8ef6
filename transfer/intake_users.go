package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/wxr"
)

// takeUsers finds the users of the batch by login, and creates missing ones as
// authors without a password.
func (b *intakeBatch) takeUsers(ctx context.Context) error {
	authors, keys := b.authors()
	if err := b.findUsers(ctx, keys); err != nil {
		return err
	}
	var fresh []*wxr.Author
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

// userKeys returns the keys by which an author of a file may be known in this
// blog, the best last: the login itself, and the form that WordPress would give
// it.
func (b *intakeBatch) userKeys(login string) []string {
	key := loginKey(login)
	if here, mapped := b.in.cfg.Authors[key]; mapped {
		return []string{here}
	}
	if author, known := b.mails[key]; known && loginKey(author) != key {
		return b.userKeys(author)
	}
	clean := loginKey(cleanLogin(login))
	if here, mapped := b.in.cfg.Authors[clean]; mapped {
		return []string{here}
	}
	return []string{key, clean}
}

// userKey returns the key of the login that an author has in this blog, or
// would have.
func (b *intakeBatch) userKey(login string) string {
	keys := b.userKeys(login)
	if _, there := b.users[keys[0]]; there {
		return keys[0]
	}
	return keys[len(keys)-1]
}

// cleanLogin makes a login from an author's name in a file, as sanitize_user
// does: without tags, entities, accents and symbols. Letters of other scripts
// stay.
func cleanLogin(login string) string {
	text := markup.PlainText(database.CleanText(login))
	var out strings.Builder
	for _, c := range text {
		switch {
		case c >= utf8.RuneSelf && unicode.Is(unicode.Latin, c):
			plain := markup.PlainLetters(c)
			if unicode.IsUpper(c) {
				plain = strings.ToUpper(plain)
			}
			out.WriteString(plain)
		case unicode.IsLetter(c), unicode.IsDigit(c), unicode.IsMark(c), strings.ContainsRune("_.-@", c):
			out.WriteRune(c)
		case unicode.IsSpace(c):
			out.WriteByte(' ')
		}
	}
	clean := strings.Join(strings.Fields(out.String()), " ")
	if clean == "" {
		clean = strings.TrimSpace(database.CleanText(login))
	}
	for len(clean) > maxLogin {
		_, size := utf8.DecodeLastRuneInString(clean)
		clean = strings.TrimSpace(clean[:len(clean)-size])
	}
	return clean
}

// maxLogin bounds a login that is made here, in bytes.
const maxLogin = 200

// authors returns the declared authors of the batch, then those that only posts
// name, and the keys of all.
func (b *intakeBatch) authors() (list []wxr.Author, keys []string) {
	list = slices.Clone(b.batch.Authors)
	seen, named := map[string]bool{}, map[string]bool{}
	add := func(login string) {
		for _, key := range b.userKeys(login) {
			if key != "" && !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
	}
	for _, a := range list {
		if mail := loginKey(a.Email); strings.Contains(mail, "@") && !strings.Contains(a.Login, "@") {
			b.mails[mail] = a.Login
		}
		named[a.Login] = true
		add(a.Login)
	}
	for i := range b.batch.Posts {
		if login := b.batch.Posts[i].Creator; strings.TrimSpace(login) != "" && !named[login] {
			named[login] = true
			add(login)
			list = append(list, wxr.Author{Login: login})
		}
	}
	return list, keys
}

// findUsers finds users by login, and by e-mail address if a file names them
// so.
func (b *intakeBatch) findUsers(ctx context.Context, keys []string) error {
	mails := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !strings.Contains(key, "@") })
	byMail, err := b.blog.users.IDsByEmail(ctx, b.tx, mails)
	if err != nil {
		return err
	}
	byLogin, err := b.blog.users.IDsByLogin(ctx, b.tx, keys)
	if err != nil {
		return err
	}
	maps.Copy(b.users, byMail)
	maps.Copy(b.users, byLogin)
	return nil
}

func (b *intakeBatch) makeUsers(ctx context.Context, list []*wxr.Author, mails []string) error {
	if len(list) == 0 {
		return nil
	}
	takenMails, err := b.blog.users.IDsByEmail(ctx, b.tx, mails)
	if err != nil {
		return err
	}
	wishes := make([]int64, len(list))
	for i, a := range list {
		wishes[i] = a.ID
	}
	ids, err := database.NewIDs(ctx, b.tx, "users", wishes, b.blog.users.Known)
	if err != nil {
		return err
	}
	for i, a := range list {
		object := fmt.Sprintf("author %q", a.Login)
		user := auth.ImportUser{
			ID: ids.Give(a.ID), Login: cleanLogin(a.Login), Email: database.CleanText(a.Email), Role: auth.Author,
			DisplayName: database.CleanText(a.DisplayName), FirstName: database.CleanText(a.FirstName), LastName: database.CleanText(a.LastName),
		}
		if user.Login != strings.TrimSpace(a.Login) {
			b.differs(object, fmt.Sprintf("its login became %q", user.Login))
			if user.DisplayName == "" {
				user.DisplayName = strings.TrimSpace(database.CleanText(a.Login))
			}
		}
		if mails[i] != "" && takenMails[mails[i]] != 0 {
			b.differs(object, "another user has the e-mail address: it was left out")
			user.Email = ""
		}
		takenMails[mails[i]] = user.ID
		if err := b.makeUser(ctx, user, object); err != nil {
			return err
		}
	}
	return nil
}

// makeUser creates one user, without the e-mail address if only that is
// rejected.
func (b *intakeBatch) makeUser(ctx context.Context, user auth.ImportUser, object string) error {
	err := b.blog.users.ImportUsers(ctx, b.tx, []auth.ImportUser{user})
	var bad *auth.Invalid
	if errors.As(err, &bad) && user.Email != "" {
		user.Email = ""
		b.differs(object, "the e-mail address was rejected and left out")
		err = b.blog.users.ImportUsers(ctx, b.tx, []auth.ImportUser{user})
	}
	if errors.As(err, &bad) {
		b.left(object, "the user cannot be created: "+bad.Why)
		return nil
	}
	if err != nil {
		return err
	}
	b.users[loginKey(user.Login)] = user.ID
	b.report.Users.Added++
	return nil
}

// mapUsers remembers the ids of declared authors, and finds the ids of users
// that comments and fields refer to.
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

// idPair holds an object's ids in the source and in this blog. Several posts
// may have the same id in the source; their marks distinguish them.
type idPair struct {
	Old     int64 `db:"old_id"`
	New     int64 `db:"new_id"`
	Mark    int64 `db:"mark"`
	Renamed bool  `db:"renamed"` // the slug was changed
	File    int64 `db:"file"`    // that brought the object last
}

// rememberIDs stores pairs of ids. A new pair replaces an older one for the
// same object of the source.
func (b *intakeBatch) rememberIDs(ctx context.Context, kind string, pairs []idPair) error {
	olds, seen, there := make([]int64, 0, len(pairs)), map[postMark]bool{}, map[postMark]idPair{}
	for _, p := range pairs {
		olds = append(olds, p.Old)
	}
	slices.Sort(olds)
	olds = slices.Compact(olds)
	if err := findIDs(ctx, b.tx, b.in.cfg.Source, kind, olds, func(p idPair) { there[postMark{p.Old, p.Mark}] = p }); err != nil {
		return err
	}
	fresh := database.NewRows("import_ids", "source, kind, old_id, new_id, mark, renamed, file")
	var again []int64 // known from another file
	for _, p := range pairs {
		key := postMark{p.Old, p.Mark}
		old, known := there[key]
		switch {
		case seen[key] || old == p:
		case !known:
			fresh.Add(b.in.cfg.Source, kind, p.Old, p.New, p.Mark, p.Renamed, p.File)
		case old.New == p.New && old.Renamed == p.Renamed:
			again = append(again, p.New)
		default:
			_, err := b.tx.Exec(ctx, `UPDATE import_ids SET new_id = $5, renamed = $6, file = $7 WHERE source = $1 AND kind = $2 AND old_id = $3 AND mark = $4`,
				b.in.cfg.Source, kind, p.Old, p.Mark, p.New, p.Renamed, p.File)
			if err != nil {
				return fmt.Errorf("remember the id of a %s: %w", kind, err)
			}
		}
		seen[key] = true
	}
	err := database.ExecIn(ctx, b.tx, `UPDATE import_ids SET file = ? WHERE source = ? AND kind = ? AND new_id IN (?)`, again, b.in.file, b.in.cfg.Source, kind)
	if err != nil {
		return fmt.Errorf("remember which file has brought a %s: %w", kind, err)
	}
	return fresh.Insert(ctx, b.tx)
}

// findIDs finds what is remembered of ids in the source. If several objects
// have one id, the newest of them comes last.
func findIDs(ctx context.Context, q database.Queryer, source, kind string, olds []int64, each func(idPair)) error {
	err := database.SelectIn(ctx, q, `SELECT old_id, new_id, mark, renamed, file FROM import_ids WHERE source = ? AND kind = ? AND old_id IN (?) ORDER BY new_id`, olds, each, source, kind)
	if err != nil {
		return fmt.Errorf("look up the ids of an earlier import: %w", err)
	}
	return nil
}

// keysOf returns the keys of a set in order.
func keysOf(set map[int64]bool) []int64 {
	list := make([]int64, 0, len(set))
	for id := range set {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}
