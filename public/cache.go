package public

import (
	"bytes"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/quillgate/quillgate/site"
)

// kept keeps values by what was asked. Each belongs to an edition of the blog;
// in another edition it is not returned. When there are too many, those that no
// one has asked for the longest go first.
type kept[V any] struct {
	mu      sync.Mutex
	limit   int
	used    int
	entries map[string]*list.Element
	recent  *list.List // *entry[V], the latest in front
}

// edition is what a value was made of.
type edition struct {
	revision site.Revision
	theme    int64
}

type entry[V any] struct {
	key     string
	edition edition
	value   V
	size    int
}

// newKept keeps values of at most so many bytes.
func newKept[V any](limit int) kept[V] {
	return kept[V]{limit: limit, entries: make(map[string]*list.Element), recent: list.New()}
}

// find returns the value for key in this edition.
func (c *kept[V]) find(key string, e edition) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.entries[key]
	if !ok {
		return value, false
	}
	c.recent.MoveToFront(at)
	if found := at.Value.(*entry[V]); found.edition == e {
		return found.value, true
	}
	return value, false
}

// set keeps a value of a size in bytes, unless it is larger than a quarter of what is kept.
func (c *kept[V]) set(key string, e edition, value V, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replace(key, e, value, size)
}

func (c *kept[V]) replace(key string, e edition, value V, size int) {
	if at, ok := c.entries[key]; ok {
		c.drop(at)
	}
	size += len(key) + 512 // a guess of what an entry takes in addition to its texts
	if size > c.limit/4 {
		return
	}
	c.entries[key] = c.recent.PushFront(&entry[V]{key, e, value, size})
	for c.used += size; c.used > c.limit; {
		c.drop(c.recent.Back())
	}
}

func (c *kept[V]) drop(at *list.Element) {
	old := c.recent.Remove(at).(*entry[V])
	delete(c.entries, old.key)
	c.used -= old.size
}

// cache keeps answers.
type cache struct{ kept[*answer] }

func newCache(limit int) *cache { return &cache{newKept[*answer](limit)} }

// get returns the answer to key in this edition, nil when there is none.
func (c *cache) get(key string, e edition) *answer {
	a, _ := c.find(key, e)
	return a
}

// put keeps an answer. One with the same body as the edition before keeps its age; another is younger by a second at
// least, which is as exact as Last-Modified is.
func (c *cache) put(key string, e edition, a *answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.entries[key]; ok {
		old := at.Value.(*entry[*answer]).value
		switch {
		case old.tag == a.tag:
			a.modified = old.modified
		case !a.modified.After(old.modified):
			a.modified = old.modified.Add(time.Second)
		}
	}
	c.replace(key, e, a, len(a.body)+len(a.location))
}

// maxKey bounds the questions whose answers are kept.
const maxKey = 1024

// answer returns the answer to what was asked: the kept one, or a new one. Of several that ask for the same at once one
// makes it.
func (p *Pages) answer(r *http.Request, q ask) (*answer, error) {
	ctx := r.Context()
	revision, err := p.site.Revision(ctx)
	if err != nil {
		return nil, err
	}
	e := edition{revision, p.theme.edition()}
	q.edition = e
	if q.who.LoggedIn() {
		return p.personal(r, q)
	}
	key := q.key()
	a := p.cache.get(key, e)
	if a == nil {
		if a, err = p.makeOnce(ctx, q, e); err != nil {
			return nil, err
		}
	}
	if opened, err := p.opened(r, a); err != nil || !opened {
		return a, err
	}
	q.unlocked = true
	return p.make(ctx, q)
}

// opened reports whether the answer asks for the password of a post that the visitor has shown.
func (p *Pages) opened(r *http.Request, a *answer) (bool, error) {
	if a.locked == nil {
		return false, nil
	}
	return p.site.OpensPost(r.Context(), a.locked, passwordCookie(r))
}

// personal is the answer to someone who is signed in.
func (p *Pages) personal(r *http.Request, q ask) (*answer, error) {
	a, err := p.make(r.Context(), q)
	if err != nil {
		return nil, err
	}
	opened, err := p.opened(r, a)
	if err == nil && opened {
		q.unlocked = true
		a, err = p.make(r.Context(), q)
	}
	if err != nil {
		return nil, err
	}
	a.private = true
	return a, nil
}

func (p *Pages) makeOnce(ctx context.Context, q ask, e edition) (*answer, error) {
	key := q.key()
	if len(key) > maxKey {
		return p.make(ctx, q)
	}
	return p.making.do(ctx, key+"\x00"+fmt.Sprint(e), func(ctx context.Context) (*answer, error) {
		a, err := p.make(ctx, q)
		if err == nil && a.status < 400 && !a.private {
			p.cache.put(key, e, a)
		}
		return a, err
	})
}

// newAnswer puts an answer together.
func newAnswer(status int, kind string, body []byte) *answer {
	sum := sha256.Sum256(body)
	return &answer{status: status, kind: kind, body: body, tag: `"` + hex.EncodeToString(sum[:12]) + `"`, modified: time.Now().Truncate(time.Second)}
}

// conditions are the fields of a request by which it may get something other
// than the whole body.
var conditions = []string{"If-None-Match", "If-Modified-Since", "Range", "If-Match", "If-Unmodified-Since"}

func serveBody(w http.ResponseWriter, r *http.Request, a *answer) {
	if !slices.ContainsFunc(conditions, func(name string) bool { return r.Header[name] != nil }) {
		w.Header().Set("Last-Modified", a.modified.UTC().Format(http.TimeFormat))
		writeBody(w, r, a) // in one piece, which is quicker
		return
	}
	http.ServeContent(w, r, "", a.modified, bytes.NewReader(a.body))
}

func writeBody(w http.ResponseWriter, r *http.Request, a *answer) {
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		w.Write(a.body)
	}
}
