package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// sniffed is how much of a file is looked at to find out what it is.
const sniffed = 3072

// keptFor is how long everyone may keep a file without asking again: a deleted
// or changed one is gone after it.
const keptFor = "public, max-age=3600"

// Handler serves the files of a store below prefix, such as
// "/wp-content/uploads/", to GET and HEAD, with ranges and validators; browsers
// and proxies keep them for an hour. The type comes from the name, and browsers
// are told not to guess another. What is not known to be shown without running
// anything, by its name or by its first bytes, is a download that may not load
// or run anything should a browser open it after all. There are no listings;
// what is not there and what is not a file name are both 404.
func Handler(store Store, prefix string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Only GET and HEAD are allowed.", http.StatusMethodNotAllowed)
			return
		}
		name, ok := strings.CutPrefix(r.URL.Path, prefix)
		if !ok {
			http.NotFound(w, r)
			return
		}
		f, info, err := store.Open(r.Context(), name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrName) {
			http.NotFound(w, r)
			return
		}
		if err != nil {
			http.Error(w, "The file cannot be read.", http.StatusInternalServerError)
			return
		}
		defer f.Close()
		if err := describe(w.Header(), f, info); err != nil {
			http.Error(w, "The file cannot be read.", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Cache-Control", keptFor)
		http.ServeContent(w, r, "", info.Modified, f)
	})
}

// describe sets the headers that say what the file is, and leaves f at its start.
func describe(h http.Header, f io.ReadSeeker, info Info) error {
	start := make([]byte, sniffed)
	n, err := io.ReadFull(f, start)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	found := mimetype.Detect(start[:n])
	named, ok := Rules{Active: true}.Type(info.Name)
	if !ok {
		named = "application/octet-stream"
	}
	if !inline(named) || runs(found) {
		h.Set("Content-Disposition", "attachment")
		h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	}
	if strings.HasPrefix(named, "text/") {
		if _, params, err := mime.ParseMediaType(found.String()); err == nil && params["charset"] != "" {
			named = mime.FormatMediaType(named, map[string]string{"charset": params["charset"]})
		}
	}
	h.Set("Content-Type", named)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", fmt.Sprintf(`"%x-%x"`, info.Modified.UnixMicro(), info.Size))
	return nil
}

// runs reports whether a browser that goes by the content would run it.
func runs(found *mimetype.MIME) bool {
	for m := found; m != nil; m = m.Parent() {
		for _, t := range []string{"text/html", "text/xml", "image/svg+xml", "text/javascript", "application/x-shockwave-flash"} {
			if m.Is(t) {
				return true
			}
		}
	}
	return false
}
