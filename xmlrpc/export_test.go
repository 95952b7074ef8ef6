package xmlrpc

// Spooled returns the number of bytes of the spool that the bodies of a handler
// use.
func (b *bounds) Spooled() int64 { return b.spooled.Load() }

// DecodeSpooled reads a call as the handler reads a large one, through a window
// with a size in bytes. The spool stays open until close is called.
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
