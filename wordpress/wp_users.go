package wordpress

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// blogID is the id of the only blog.
const blogID = 1

var (
	errNoUser      = &xmlrpc.Fault{Code: codeNotFound, Message: "There is no user with this id."}
	errNoRole      = &xmlrpc.Fault{Code: codeForbidden, Message: "There is no such role."}
	errEditUser    = &site.Denied{Action: "see this user's account"}
	errListUsers   = &site.Denied{Action: "list the users"}
	errListAuthors = &site.Denied{Action: "see the authors, since you may not write posts"}
	errUserData    = &site.Denied{Action: "see user data on this site"}
)

// getUsersBlogs answers wp.getUsersBlogs(user, password).
func (a *API) getUsersBlogs(ctx context.Context, who auth.Identity, _ *call) (xmlrpc.Value, error) {
	return a.blogs(ctx, who)
}

// blogs returns the blogs of a caller, which is the only one, in the form that
// wp.*, blogger.* and metaWeblog.* share.
func (a *API) blogs(ctx context.Context, who auth.Identity) (xmlrpc.Value, error) {
	o, err := a.site.Options().Current(ctx)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Array(xmlrpc.Struct(
		xmlrpc.M("isAdmin", xmlrpc.Bool(who.Can(auth.ManageOptions))),
		xmlrpc.M("url", xmlrpc.String(a.site.BaseURL()+"/")),
		xmlrpc.M("blogid", idText(blogID)),
		xmlrpc.M("blogName", xmlrpc.String(o.Text("blog_title"))),
		xmlrpc.M("xmlrpc", xmlrpc.String(a.site.EndpointURL())),
	)), nil
}

// userInfo returns the answer to blogger.getUserInfo about the caller.
func (a *API) userInfo(who auth.Identity) (xmlrpc.Value, error) {
	if !who.Can(auth.EditPosts) {
		return xmlrpc.Value{}, errUserData
	}
	u := &who.User
	return xmlrpc.Struct(
		xmlrpc.M("nickname", xmlrpc.String(u.Nickname)),
		xmlrpc.M("userid", xmlrpc.Int(u.ID)),
		xmlrpc.M("url", xmlrpc.String(u.URL)),
		xmlrpc.M("lastname", xmlrpc.String(u.LastName)),
		xmlrpc.M("firstname", xmlrpc.String(u.FirstName)),
	), nil
}

// userFields are the fields of a user's struct, besides the id, in the order of
// the answer.
var userFields = []struct {
	name  string
	value func(*auth.User) xmlrpc.Value
}{
	{"username", func(u *auth.User) xmlrpc.Value { return xmlrpc.String(u.Login) }},
	{"first_name", func(u *auth.User) xmlrpc.Value { return xmlrpc.String(u.FirstName) }},
	{"last_name", func(u *auth.User) xmlrpc.Value { return xmlrpc.String(u.LastName) }},
	{"registered", func(u *auth.User) xmlrpc.Value { return dateTime(u.Registered.UTC()) }},
	{"bio", func(u *auth.User) xmlrpc.Value { return xmlrpc.String(u.Bio) }},
	{"email", func(u *auth.User) xmlrpc.Value { return xmlrpc.String(u.Email) }},
	{"nickname", func(u *auth.User) xmlrpc.Value { return xmlrpc.String(u.Nickname) }},
	{"nicename", func(u *auth.User) xmlrpc.Value { return xmlrpc.String(u.Nicename) }},
	{"url", func(u *auth.User) xmlrpc.Value { return xmlrpc.String(u.URL) }},
	{"display_name", func(u *auth.User) xmlrpc.Value { return xmlrpc.String(u.DisplayName) }},
	{"roles", func(u *auth.User) xmlrpc.Value { return xmlrpc.Array(xmlrpc.String(string(u.Role))) }},
}

// userGroups are names for several fields.
var userGroups = map[string][]string{
	"basic":   {"username", "email", "registered", "display_name", "nicename"},
	"contact": {"email", "url"},
}

// userStruct writes the requested fields of a user. It ignores unknown names.
func userStruct(u *auth.User, fields []string) xmlrpc.Value {
	all := slices.Contains(fields, "all")
	wanted := slices.Clone(fields)
	for _, f := range fields {
		wanted = append(wanted, userGroups[f]...)
	}
	members := []xmlrpc.Member{xmlrpc.M("user_id", idText(u.ID))}
	for _, f := range userFields {
		if all || slices.Contains(wanted, f.name) {
			members = append(members, xmlrpc.M(f.name, f.value(u)))
		}
	}
	return xmlrpc.Struct(members...)
}

// getUser answers wp.getUser(blog, user, password, id, fields). Everyone may
// see their own account.
func (a *API) getUser(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	id := p.int("user_id")
	if id != who.User.ID && !who.Can(auth.EditUsers) {
		return xmlrpc.Value{}, errEditUser
	}
	wanted, err := fieldsOf(p, "all")
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return a.userAnswer(ctx, id, wanted)
}

// userAnswer reads an account and writes its requested fields.
func (a *API) userAnswer(ctx context.Context, id int64, wanted fields) (xmlrpc.Value, error) {
	u, err := a.users.Get(ctx, id)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return userStruct(&u, wanted), nil
}

// userOrders are the orders of wp.getUsers; for any other, WordPress sorts by
// user name.
var userOrders = map[string]auth.OrderBy{
	"ID": auth.ByID, "id": auth.ByID,
	"login": auth.ByLogin, "user_login": auth.ByLogin,
	"nicename": auth.ByNicename, "user_nicename": auth.ByNicename,
	"email": auth.ByEmail, "user_email": auth.ByEmail,
	"url": auth.ByURL, "user_url": auth.ByURL,
	"registered": auth.ByRegistered, "user_registered": auth.ByRegistered,
	"display_name": auth.ByDisplayName, "name": auth.ByDisplayName,
	"post_count": byPosts,
}

// userOrder returns the first order in a list.
func userOrder(list string) auth.OrderBy {
	for _, word := range strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' }) {
		if by, known := userOrders[word]; known {
			return by
		}
	}
	return auth.ByLogin
}

// byPosts is an order that package auth cannot know: by the number of published
// posts.
const byPosts auth.OrderBy = "post_count"

// usersPerPage is the number of users in an answer to wp.getUsers without a
// number.
const usersPerPage = 50

// getUsers answers wp.getUsers(blog, user, password, filter, fields).
func (a *API) getUsers(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	if !who.Can(auth.ListUsers) {
		return xmlrpc.Value{}, errListUsers
	}
	filter := p.at("filter")
	f := auth.Filter{Limit: usersPerPage, Offset: count(filter.Get("offset")), OrderBy: auth.ByLogin}
	if v, ok := filter.Member("number"); ok {
		if f.Limit = count(v); f.Limit == 0 {
			f.Offset = 0 // as in WordPress, a list without a limit starts at the beginning
		}
	}
	if v, ok := filter.Member("role"); ok {
		f.Role = auth.Role(textOf(v))
		if !f.Role.Valid() {
			return xmlrpc.Value{}, errNoRole
		}
	}
	if v, ok := filter.Member("orderby"); ok {
		f.OrderBy = userOrder(textOf(v))
		// As in WordPress, an invalid order means descending.
		if v, ok := filter.Member("order"); ok {
			f.Desc = !strings.EqualFold(textOf(v), "ASC")
		}
	}
	f.Authors = textOf(filter.Get("who")) == "authors"
	list, err := a.usersOf(ctx, who, f)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	fields, err := fieldsOf(p, "all")
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(list, each(func(u *auth.User) xmlrpc.Value { return userStruct(u, fields) })), nil
}

// usersOf is auth.Users.Walk with one more order.
func (a *API) usersOf(ctx context.Context, who auth.Identity, f auth.Filter) (iter.Seq2[[]auth.User, error], error) {
	if f.OrderBy != byPosts {
		return a.users.Walk(ctx, f)
	}
	all := f
	all.OrderBy, all.Limit, all.Offset = auth.ByID, 0, 0
	ids, err := a.users.IDs(ctx, all)
	if err != nil {
		return nil, err
	}
	posts, err := a.site.PostCounts(ctx, who)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(ids, func(u, v int64) int {
		if f.Desc {
			u, v = v, u
		}
		return cmp.Compare(posts[u], posts[v])
	})
	ids = ids[min(f.Offset, len(ids)):]
	if f.Limit > 0 {
		ids = ids[:min(f.Limit, len(ids))]
	}
	return a.users.Pages(ctx, ids), nil
}

// count reads a number of objects: digits, ignoring the sign.
func count(v xmlrpc.Value) int {
	n := intOf(v)
	if n < 0 {
		n = -n
	}
	return int(min(max(n, 0), 1<<30))
}

// getProfile answers wp.getProfile(blog, user, password, fields).
func (a *API) getProfile(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	wanted, err := fieldsOf(p, "all")
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return a.userAnswer(ctx, who.User.ID, wanted)
}

// editProfile answers wp.editProfile(blog, user, password, content). It ignores
// members that are not part of a profile, such as email and password: they
// change nothing and are not faults.
func (a *API) editProfile(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	content := p.at("content")
	text := func(name string) *string { return optionalText(content, name) }
	err := a.site.EditProfile(ctx, who, auth.Profile{
		FirstName: text("first_name"), LastName: text("last_name"), URL: text("url"), DisplayName: text("display_name"),
		Nickname: text("nickname"), Nicename: text("nicename"), Bio: text("bio"),
	})
	var invalid *auth.Invalid
	if errors.As(err, &invalid) {
		return xmlrpc.Value{}, &xmlrpc.Fault{Code: codeServerError, Message: "The profile was not changed: " + invalid.Field + ": " + invalid.Why + "."}
	}
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

// getAuthors answers wp.getAuthors(blog, user, password) with all users, as in
// WordPress.
func (a *API) getAuthors(ctx context.Context, who auth.Identity, _ *call) (xmlrpc.Value, error) {
	if !who.Can(auth.EditPosts) {
		return xmlrpc.Value{}, errListAuthors
	}
	list, err := a.users.Walk(ctx, auth.Filter{OrderBy: auth.ByLogin})
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(list, each(func(u *auth.User) xmlrpc.Value {
		return xmlrpc.Struct(
			xmlrpc.M("user_id", idText(u.ID)),
			xmlrpc.M("user_login", xmlrpc.String(u.Login)),
			xmlrpc.M("display_name", xmlrpc.String(u.DisplayName)),
		)
	})), nil
}
