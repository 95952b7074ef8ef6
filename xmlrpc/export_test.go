package xmlrpc

// Spooled is how many bytes of the spool the bodies of a handler hold.
func (b *bounds) Spooled() int64 { return b.spooled.Load() }

// DecodeSpooled reads a call as the handler reads a large one, through a
// window of so many bytes. The spool stays open until close is called.
func DecodeSpooled(dir string, body []byte, window int, lim Limits) (call *MethodCall, close func() error, err error) {
	sp := NewSpool(dir, 0)
	if _, err := sp.Write(body); err != nil {
		return nil, sp.Close, err
	}
	d := &decoder{lim: lim.withDefaults(), call: true}
	d.mostOpen = d.lim.Elements
	d.room = make([]byte, window)
	if err := d.takeSpool(sp, nil); err != nil {
		return nil, sp.Close, err
	}
	call, err = d.methodCall()
	return call, sp.Close, err
}
