package wxr

// Buffered returns how many bytes the Reader holds on to between items.
func (r *Reader) Buffered() int {
	n := cap(r.scan.buf) + cap(r.scratch)
	if r.items != nil {
		n += cap(r.items.text)
	}
	return n
}
