package wxr

import "bytes"

// Buffered returns how many bytes the Reader holds on to between items.
func (r *Reader) Buffered() int {
	n := cap(r.scan.buf) + cap(r.scratch)
	if r.items != nil {
		n += cap(r.items.text)
	}
	return n
}

// Events walks a document with the tokenizer: "<name", " attribute=value" and
// "</name" for tags, and text as it is. strict is false when the tokenizer
// forgave something or gave up.
func Events(document []byte) (events []string, strict bool) {
	t := tokenizer{in: document}
	var text []byte
	flush := func() {
		if len(text) > 0 {
			events, text = append(events, string(text)), text[:0]
		}
	}
	for {
		tok, err := t.next()
		if err != nil || tok.kind == endOfFile {
			flush()
			return events, err == nil && t.strayLess == 0 && t.references == 0
		}
		if tok.kind == characters {
			text = t.appendText(text, tok.text, tok.cdata)
			continue
		}
		flush()
		if tok.kind != endTag {
			events = append(events, "<"+string(tok.name))
			for name, value, rest, ok := cutAttribute(tok.attrs); ok; name, value, rest, ok = cutAttribute(rest) {
				events = append(events, " "+string(name)+"="+string(t.appendText(nil, value, false)))
			}
		}
		if tok.kind != startTag {
			events = append(events, "</"+string(tok.name))
		}
	}
}

// Framed returns the children of the channel's beginning as the scanner cuts
// them out of the document.
func Framed(document []byte) (children []string, err error) {
	s := scanner{src: bytes.NewReader(document), limit: 1 << 20}
	for {
		m := s.markup()
		if m.kind != startTag && m.kind != emptyTag {
			return children, nil
		}
		f, err := s.frame(m, 100, "")
		if err != nil {
			return children, err
		}
		if f.err != nil {
			return children, f.err
		}
		children = append(children, string(f.body))
	}
}
