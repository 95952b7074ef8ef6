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

// kept is a cache of values. Each belongs to an edition of the blog and is not
// returned for another edition. If the cache is full, the least recently used
// values are removed first.
type kept[V any] struct {
	mu      sync.Mutex
	limit   int
	used    int
	entries map[string]*list.Element
	recent  *list.List // *entry[V], the latest in front
}

// edition identifies the state that a value was made from.
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

// newKept returns a cache of at most the given number of bytes.
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

// set stores a value of the given size in bytes, unless it is larger than a
// quarter of the cache.
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

// cache is a cache of answers.
type cache struct{ kept[*answer] }

func newCache(limit int) *cache { return &cache{newKept[*answer](limit)} }

// get returns the answer for key in this edition, or nil.
func (c *cache) get(key string, e edition) *answer {
	a, _ := c.find(key, e)
	return a
}

// put stores an answer. An answer with the same body as in the last edition
// keeps its age. Another one becomes at least a second younger, which is the
// precision of Last-Modified.
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

// maxKey bounds the keys of cached answers, in bytes.
const maxKey = 1024

// answer returns the cached answer or a new one. If several requests ask for
// the same answer at once, it is made once.
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

// opened reports whether the answer depends on the password of a post, and the
// visitor has entered it.
func (p *Pages) opened(r *http.Request, a *answer) (bool, error) {
	if a.locked == nil {
		return false, nil
	}
	return p.site.OpensPost(r.Context(), a.locked, passwordCookie(r))
}

// personal returns the answer for a visitor who is signed in.
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

// newAnswer builds an answer.
func newAnswer(status int, kind string, body []byte) *answer {
	sum := sha256.Sum256(body)
	return &answer{status: status, kind: kind, body: body, tag: `"` + hex.EncodeToString(sum[:12]) + `"`, modified: time.Now().Truncate(time.Second)}
}

// conditions are the header fields of a request that can lead to something
// other than the whole body.
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
