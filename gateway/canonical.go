package gateway

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// mostMarkup is the number of "<" that WordPress accepts in one body (IXR,
// checked on 6.1).
const mostMarkup = 60000

// A canonical call is one that every server reads in the same way: each value
// has a type, booleans are 0 and 1, ids are plain digits, and no argument in
// the middle is missing. The bytes of a client may mean one thing to a strict
// reader and another to WordPress, which drops empty values, takes "false" for
// true and "12abc" for 12. Rights are decided on the canonical form, and that
// form is sent.
type canonical struct {
	method *methods.Method
	name   string // as the client called it: an alias may have a different answer
	args   []xmlrpc.Value
}

// ambiguity returns the error for a call that the two sides could read
// differently.
func ambiguity(format string, args ...any) error {
	return &xmlrpc.Fault{Code: xmlrpc.CodeInvalidParams, Message: fmt.Sprintf(format, args...)}
}

// canonicalise rewrites the arguments of a call. The user name and the password
// become empty strings; see withLogin.
func canonicalise(m *methods.Method, name string, args []xmlrpc.Value) (*canonical, error) {
	c := &canonical{method: m, name: name}
	plugin := methods.Lookup(m.Name) == nil // the meaning of its arguments is unknown
	if !plugin && len(args) > len(m.Params) {
		// WordPress ignores surplus arguments; plugins may not.
		args = args[:len(m.Params)]
	}
	for len(args) > 0 && args[len(args)-1].IsZero() && len(args) > m.Min {
		args = args[:len(args)-1] // a trailing nil is an argument that was left out
	}
	for i, v := range args {
		if m.Login != methods.NoLogin && (i == m.Login || i == m.Login+1) {
			c.args = append(c.args, xmlrpc.String(""))
			continue
		}
		out, err := xmlrpc.String(""), error(nil)
		switch {
		case m.Name == "wp.newComment" && m.Params[i].Name == "post_id" && isAddress(v):
			out = xmlrpc.String(clean(v.Text())) // WordPress finds the post by its address
		case !plugin:
			// Only wp.newPost accepts dates as strings, and parses them in its
			// own way.
			if m.Params[i].Name == "content" && m.Name != "wp.newPost" {
				v, err = withDates(v)
			}
			if err == nil {
				out, err = argument(&m.Params[i], v)
			}
		case !v.IsZero():
			out, err = nested("an argument", v)
		}
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, out)
	}
	return c, nil
}

// withLogin returns the arguments with this user name and password.
func (c *canonical) withLogin(user, password string) []xmlrpc.Value {
	at := c.method.Login
	if at == methods.NoLogin {
		return c.args
	}
	args := append([]xmlrpc.Value(nil), c.args...)
	for len(args) < at+2 {
		args = append(args, xmlrpc.String(""))
	}
	args[at], args[at+1] = xmlrpc.String(user), xmlrpc.String(password)
	return args
}

// everywhere returns a call that multisite networks answer too. Since WordPress
// 6.1 they look for the login of two methods at the wrong position; a third
// method returns the same result.
func (c *canonical) everywhere() *canonical {
	if c.method.Name != "blogger.getUsersBlogs" && c.method.Name != "metaWeblog.getUsersBlogs" {
		return c
	}
	row := methods.Lookup("wp.getUsersBlogs")
	return &canonical{method: row, name: row.Name, args: []xmlrpc.Value{xmlrpc.String(""), xmlrpc.String("")}}
}

// arg returns the argument for a parameter name.
func (c *canonical) arg(name string) xmlrpc.Value {
	i := c.method.Index(name)
	if i < 0 || i >= len(c.args) {
		return xmlrpc.Value{}
	}
	return c.args[i]
}

// argument rewrites one argument according to the type of its parameter.
func argument(p *methods.Param, v xmlrpc.Value) (xmlrpc.Value, error) {
	switch p.Type {
	case "int":
		if p.Name == "blog" {
			return blogID(v), nil // WordPress ignores it
		}
		return number(p.Name, v)
	case "boolean":
		return flag(p.Name, v)
	case "struct":
		return container(p.Name, v, xmlrpc.KindStruct)
	case "array":
		if p.Name == "names" && v.Kind() == xmlrpc.KindString && strings.TrimSpace(v.Text()) != "" {
			v = xmlrpc.Array(v) // wp.getOptions accepts a single name in place of a list
		}
		return container(p.Name, v, xmlrpc.KindArray)
	}
	if p.Name == "blog" || p.Name == "app_key" {
		return blogID(v), nil
	}
	if strings.HasSuffix(p.Name, "_id") {
		return number(p.Name, v)
	}
	return text(p.Name, v)
}

// isAddress reports whether a value is a web address.
func isAddress(v xmlrpc.Value) bool {
	text := strings.TrimSpace(v.Text())
	return v.Kind() == xmlrpc.KindString && (strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://"))
}

// blogID rewrites the id of a blog. WordPress ignores it, but other servers may
// not, so a scalar is passed on.
func blogID(v xmlrpc.Value) xmlrpc.Value {
	switch v.Kind() {
	case xmlrpc.KindInt, xmlrpc.KindString:
		return xmlrpc.String(clean(v.Text()))
	}
	return xmlrpc.String("1")
}

var digits = regexp.MustCompile(`^-?[0-9]{1,10}$`)

// number writes an id or a count in plain digits.
func number(name string, v xmlrpc.Value) (xmlrpc.Value, error) {
	switch v.Kind() {
	case xmlrpc.KindNil:
		return xmlrpc.Int(0), nil
	case xmlrpc.KindInt, xmlrpc.KindString:
		text := strings.TrimSpace(v.Text())
		if text == "" {
			return xmlrpc.Int(0), nil
		}
		n, err := strconv.ParseInt(text, 10, 32)
		if err == nil && digits.MatchString(text) {
			return xmlrpc.Int(n), nil
		}
	case xmlrpc.KindDouble:
		if f := v.Float64(); f == float64(int32(f)) {
			return xmlrpc.Int(int64(f)), nil
		}
	}
	return xmlrpc.Value{}, ambiguity("The argument %s must be a whole number in digits.", name)
}

// flag writes a boolean as PHP reads it: everything except 0, "" and "0" is
// true.
func flag(name string, v xmlrpc.Value) (xmlrpc.Value, error) {
	switch v.Kind() {
	case xmlrpc.KindNil:
		return xmlrpc.Bool(false), nil
	case xmlrpc.KindBool:
		return xmlrpc.Bool(v.Bool()), nil
	case xmlrpc.KindInt:
		return xmlrpc.Bool(v.Int64() != 0), nil
	case xmlrpc.KindString:
		switch t := strings.TrimSpace(v.Text()); t {
		case "", "0":
			return xmlrpc.Bool(false), nil
		case "1", "true", "True", "TRUE":
			return xmlrpc.Bool(true), nil
		}
	}
	// The string "false" is false to one reader and true to WordPress.
	return xmlrpc.Value{}, ambiguity("The argument %s must be a boolean: 0 or 1.", name)
}

func text(name string, v xmlrpc.Value) (xmlrpc.Value, error) {
	switch v.Kind() {
	case xmlrpc.KindNil:
		return xmlrpc.String(""), nil
	case xmlrpc.KindString, xmlrpc.KindInt, xmlrpc.KindDateTime:
		return xmlrpc.String(clean(v.Text())), nil
	case xmlrpc.KindBase64:
		return decoded(name, v)
	}
	return xmlrpc.Value{}, ambiguity("The argument %s must be a string.", name)
}

// decoded replaces base64 by the string that WordPress decodes it to, so that
// rules about a member see its text. A value above 1 MiB is a file.
func decoded(name string, v xmlrpc.Value) (xmlrpc.Value, error) {
	if t := v.Text(); v.Size() <= 1<<20 && int64(len(t)) == v.Size() && utf8.ValidString(t) {
		return xmlrpc.String(clean(t)), nil
	}
	return xmlrpc.Value{}, ambiguity("The value of %s is not text.", name)
}

// clean removes characters that an XML reader may keep or drop: white space
// around a text, and characters that XML cannot hold. It turns a carriage
// return into a line feed.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r >= ' ' && r != 0xfffe && r != 0xffff:
			return r
		}
		return -1
	}, strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"))
	// What PHP's trim removes.
	return strings.Trim(s, " \t\n\r\x00\x0B")
}

// container rewrites a struct or an array. A missing value becomes empty. A
// list in the form of a struct, or the reverse, is refused, since PHP does not
// distinguish them.
func container(name string, v xmlrpc.Value, want xmlrpc.Kind) (xmlrpc.Value, error) {
	switch {
	case v.IsZero() || v.Kind() == xmlrpc.KindString && strings.TrimSpace(v.Text()) == "":
		if want == xmlrpc.KindStruct {
			return xmlrpc.Struct(), nil
		}
		return xmlrpc.Array(), nil
	case v.Kind() == want:
		return nested(name, v)
	case v.Kind() == xmlrpc.KindArray && v.Len() == 0:
		return xmlrpc.Struct(), nil // how PHP and Perl write an empty struct
	}
	return xmlrpc.Value{}, ambiguity("The argument %s must be %s.", name, map[xmlrpc.Kind]string{xmlrpc.KindStruct: "a struct", xmlrpc.KindArray: "an array"}[want])
}

// nested rewrites a value inside an argument. A nil counts as a member that was
// not given.
func nested(name string, v xmlrpc.Value) (xmlrpc.Value, error) {
	switch v.Kind() {
	case xmlrpc.KindInt:
		if n := v.Int64(); n != int64(int32(n)) {
			return xmlrpc.String(strconv.FormatInt(n, 10)), nil // WordPress drops <i8>
		}
		return v, nil
	case xmlrpc.KindBool, xmlrpc.KindDouble:
		return v, nil
	case xmlrpc.KindString:
		return xmlrpc.String(clean(v.Text())), nil
	case xmlrpc.KindDateTime:
		return date(name, v)
	case xmlrpc.KindBase64:
		if name == "bits" {
			return v, nil // the file of an upload
		}
		return decoded(name, v)
	case xmlrpc.KindArray:
		var out []xmlrpc.Value
		for _, e := range v.Elements() {
			if e.IsZero() {
				continue // WordPress drops it as well
			}
			e, err := nested(name, e)
			if err != nil {
				return xmlrpc.Value{}, err
			}
			out = append(out, e)
		}
		return xmlrpc.Array(out...), nil
	case xmlrpc.KindStruct:
		return structure(name, v)
	}
	return xmlrpc.Value{}, ambiguity("The value of %s cannot be passed on.", name)
}

func structure(name string, v xmlrpc.Value) (xmlrpc.Value, error) {
	var out []xmlrpc.Member
	seen := map[string]bool{}
	for _, m := range v.Members() {
		key := clean(m.Name)
		if key == "" || seen[key] {
			return xmlrpc.Value{}, ambiguity("A member of %s has no name, or the same name as another.", name)
		}
		seen[key] = true
		if m.Value.IsZero() {
			continue
		}
		value, err := nested(key, m.Value)
		if err != nil {
			return xmlrpc.Value{}, err
		}
		out = append(out, xmlrpc.M(key, value))
	}
	return xmlrpc.Struct(out...), nil
}

// withDates turns strings into dates in the members of a content that WordPress
// uses only as dates. Clients send strings there; WordPress dies on them, and
// the client never learns whether its post was stored.
func withDates(content xmlrpc.Value) (xmlrpc.Value, error) {
	if content.Kind() != xmlrpc.KindStruct {
		return content, nil
	}
	members := slices.Clone(content.Members())
	for i, m := range members {
		name := clean(m.Name)
		switch name {
		case "dateCreated", "date_created_gmt", "post_date", "post_date_gmt", "if_not_modified_since":
		default:
			continue
		}
		text := clean(m.Value.Text())
		switch m.Value.Kind() {
		case xmlrpc.KindNil:
		case xmlrpc.KindString, xmlrpc.KindDateTime:
			if text == "" && name == "if_not_modified_since" {
				return xmlrpc.Value{}, ambiguity("The date in %s must have the form 20060102T15:04:05.", name)
			}
			members[i].Value = xmlrpc.DateTime(text)
		default:
			return xmlrpc.Value{}, ambiguity("The date in %s must have the form 20060102T15:04:05.", name)
		}
	}
	return xmlrpc.Struct(members...), nil
}

// dates matches the forms that are rewritten. WordPress cuts a date at fixed
// offsets and reads other forms as a different day. A day without a time
// becomes midnight.
var dates = regexp.MustCompile(`^([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:[Tt ]?([0-9]{2}):?([0-9]{2}):?([0-9]{2})?(?:[.,][0-9]+)?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$`)

func date(name string, v xmlrpc.Value) (xmlrpc.Value, error) {
	text := strings.TrimSpace(v.Text())
	if text == "" {
		return xmlrpc.String(""), nil
	}
	p := dates.FindStringSubmatch(text)
	if p == nil {
		return xmlrpc.Value{}, ambiguity("The date in %s must have the form 20060102T15:04:05.", name)
	}
	for i := range p {
		if p[i] == "" && i >= 4 && i <= 6 {
			p[i] = "00"
		}
	}
	seconds, zone := p[6], strings.ToUpper(p[7])
	if zone != "" && zone != "Z" {
		// WordPress understands no zone except Z, so the time is sent in UTC.
		at, err := time.Parse("20060102T150405Z0700", p[1]+p[2]+p[3]+"T"+p[4]+p[5]+seconds+offset(zone))
		if err != nil {
			return xmlrpc.Value{}, ambiguity("The date in %s does not exist or has an unknown time zone.", name)
		}
		return xmlrpc.DateTime(at.UTC().Format("20060102T15:04:05Z")), nil
	}
	return xmlrpc.DateTime(p[1] + p[2] + p[3] + "T" + p[4] + ":" + p[5] + ":" + seconds + zone), nil
}

// offset rewrites a zone such as +02, +02:00 or +0200 in the last form.
func offset(zone string) string {
	zone = strings.Replace(zone, ":", "", 1)
	return zone + "0000"[:5-len(zone)]
}
