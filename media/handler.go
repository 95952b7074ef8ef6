package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// keptFor lets caches keep a file without asking again. After this time, a
// changed or deleted file is gone from them.
const keptFor = "public, max-age=3600"

// sandbox forbids everything to a download that a browser opens after all.
const sandbox = "default-src 'none'; sandbox"

// Redirect returns another address of a file, to which readers are redirected.
type Redirect func(ctx context.Context, name string) (address string, err error)

// RedirectTo redirects readers to the name of a file appended to base, which
// ends in a slash.
func RedirectTo(base string) Redirect {
	return func(_ context.Context, name string) (string, error) {
		return base + (&url.URL{Path: name}).EscapedPath(), nil
	}
}

// signedFor is how long a signed address is valid: longer than a redirect to it
// may be cached.
const signedFor = time.Hour

// RedirectSigned redirects readers to the bucket, with addresses that are valid
// for an hour.
func (b *Bucket) RedirectSigned() Redirect {
	return func(ctx context.Context, name string) (string, error) { return b.Signed(ctx, name, signedFor) }
}

// Handler serves the files of the library below prefix, such as
// "/wp-content/uploads/", for GET and HEAD, with ranges and validators.
// Browsers and proxies may cache them for an hour. The type is the one detected
// when the file was stored, and browsers are told not to guess another. A file
// that is not known to be passive is served as a download, and may not load or
// run anything if a browser opens it after all. There are no listings. A
// missing file and an invalid name are both 404. While the store does not
// answer, the status is 503.
//
// With a redirect, the handler does not read the files, and redirects readers.
func (l *Library) Handler(prefix string, redirect Redirect) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Only GET and HEAD are allowed.", http.StatusMethodNotAllowed)
			return
		}
		name, ok := strings.CutPrefix(r.URL.Path, prefix)
		if !ok || CheckName(name) != nil {
			http.NotFound(w, r)
			return
		}
		if redirect != nil {
			l.sendAway(w, r, name, redirect)
			return
		}
		f, info, err := l.look(r.Context(), name)
		if err != nil {
			l.refuse(w, r, err)
			return
		}
		defer f.Close()
		usual := w.Header().Clone()
		describe(w.Header(), info)
		tell := func(err error) { // a refusal has the common headers, and none of the file
			clear(w.Header())
			maps.Copy(w.Header(), usual)
			l.refuse(w, r, err)
		}
		o := &opening{ResponseWriter: w, file: f, tell: tell, reads: r.Method == http.MethodGet}
		http.ServeContent(o, r, "", info.Modified, o)
	})
}

// sendAway redirects to another address of a file.
func (l *Library) sendAway(w http.ResponseWriter, r *http.Request, name string, redirect Redirect) {
	address, err := redirect(r.Context(), name)
	if err != nil {
		l.refuse(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	http.Redirect(w, r, address, http.StatusFound)
}

// look opens a file with all facts needed for serving. If they are missing,
// because the file is older than the ledger or was put there by hand, it reads
// them from the file.
func (l *Library) look(ctx context.Context, name string) (io.ReadSeekCloser, Info, error) {
	f, info, err := l.openKnown(ctx, name)
	if err != nil || info.ETag != "" {
		return f, info, err
	}
	head := make([]byte, sniffed)
	n, err := io.ReadFull(f, head)
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, Info{}, errors.Join(err, f.Close())
	}
	info.Type, info.Download = classify(name, head[:n])
	info.ETag = fmt.Sprintf("%x-%x", info.Modified.UnixMicro(), info.Size)
	return f, info, nil
}

// openKnown opens a file with the facts in the ledger, which saves a request to
// the store. If the database does not answer, it asks the store.
func (l *Library) openKnown(ctx context.Context, name string) (io.ReadSeekCloser, Info, error) {
	known, err := l.ledger.find(ctx, name)
	if err != nil {
		if ctx.Err() != nil {
			return nil, Info{}, err
		}
		l.logger.WarnContext(ctx, "a file is served without the database", "error", err)
		return l.store.Open(ctx, name, nil)
	}
	if known == nil || known.ETag == "" {
		return l.Open(ctx, name)
	}
	f, info, err := l.store.Open(ctx, name, &known.Info)
	if l.earlier == nil {
		return f, info, err
	}
	if err == nil { // the file may still be at the earlier place, and the store has not been asked yet
		if _, err = f.Read(nil); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if errors.Is(err, fs.ErrNotExist) && !known.pending {
		return l.earlier.Open(ctx, name, &known.Info)
	}
	return f, info, err
}

// refuse answers for a file that is not available.
func (l *Library) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrName):
		http.NotFound(w, r)
	case errors.Is(err, ErrUnavailable):
		l.logger.WarnContext(r.Context(), "a file cannot be read", "error", err)
		w.Header().Set("Retry-After", "10")
		http.Error(w, "The file cannot be read at the moment.", http.StatusServiceUnavailable)
	default:
		if r.Context().Err() == nil {
			l.logger.ErrorContext(r.Context(), "a file cannot be read", "error", err)
		}
		http.Error(w, "The file cannot be read.", http.StatusInternalServerError)
	}
}

// describe sets the headers that describe the file.
func describe(h http.Header, info Info) {
	if info.Download {
		h.Set("Content-Disposition", "attachment")
		h.Set("Content-Security-Policy", sandbox)
	}
	h.Set("Content-Type", info.Type)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", `"`+info.ETag+`"`)
	h.Set("Cache-Control", keptFor)
}

// opening is the response of http.ServeContent, together with the file that it
// reads. If the store has not been asked yet, it is asked before the status is
// sent, so that the status can still change.
type opening struct {
	http.ResponseWriter
	file   io.ReadSeekCloser
	tell   func(error)
	reads  bool // the content is read after the status
	failed bool
}

func (o *opening) WriteHeader(code int) {
	if o.reads && (code == http.StatusOK || code == http.StatusPartialContent) {
		if _, err := o.file.Read(nil); err != nil && err != io.EOF {
			o.failed = true
			o.tell(err)
			return
		}
	}
	o.ResponseWriter.WriteHeader(code)
}

func (o *opening) Write(p []byte) (int, error) {
	if o.failed {
		return 0, errors.New("the file cannot be read")
	}
	return o.ResponseWriter.Write(p)
}

func (o *opening) Read(p []byte) (int, error)               { return o.file.Read(p) }
func (o *opening) Seek(at int64, whence int) (int64, error) { return o.file.Seek(at, whence) }

// ReadFrom lets the operating system send a file without copying it.
func (o *opening) ReadFrom(r io.Reader) (int64, error) {
	if o.failed {
		return 0, errors.New("the file cannot be read")
	}
	if limited, ok := r.(*io.LimitedReader); ok && limited.R == io.Reader(o) {
		limited.R = o.file
	}
	return io.Copy(o.ResponseWriter, r)
}
