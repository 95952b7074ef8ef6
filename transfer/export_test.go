package transfer

import "io"

// What is what the beginning of a file says that it is.
func What(head []byte) string { return string(what(head)) }

// ReadAll reads exports to their ends, or to where they break, and returns how many bytes that were.
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
