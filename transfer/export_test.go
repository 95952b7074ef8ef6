package transfer

import "io"

// What identifies a file by its beginning.
func What(head []byte) string { return string(what(head)) }

// ReadAll reads exports to their end, or up to an error, and returns the number
// of bytes read.
func ReadAll(list []Export) (n int64) {
	for _, e := range list {
		r, err := e.open()
		if err != nil {
			continue
		}
		read, _ := io.Copy(io.Discard, r)
		n += read
		r.Close()
	}
	return n
}
