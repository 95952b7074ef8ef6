package xmlrpc

func (d *decoder) array(empty bool, depth int) (Value, error) {
	first := len(d.open)
	if !empty {
		if err := d.arrayInside(depth); err != nil {
			return Value{}, err
		}
	}
	b := d.box()
	b.elements = d.cut(first)
	return Value{kind: KindArray, box: b}, nil
}

// arrayInside reads one <data> or, as WordPress does, values without it, and
// the end of the array.
func (d *decoder) arrayInside(depth int) error {
	t, empty, err := d.next(tagArray)
	if err != nil {
		return err
	}
	if t != tagData {
		return d.elements(tagArray, t, empty, depth)
	}
	if !empty {
		if t, empty, err = d.next(tagData); err != nil {
			return err
		}
		if err := d.elements(tagData, t, empty, depth); err != nil {
			return err
		}
	}
	if t, _, err = d.next(tagArray); err != nil {
		return err
	}
	if t != tagEnd {
		return d.misshapen("<array> holds something else than one <data>")
	}
	return nil
}

// elements reads the values beginning with the start tag t, and the end tag of
// parent.
func (d *decoder) elements(parent, t tag, empty bool, depth int) error {
	for n := 0; t != tagEnd; n++ {
		// Stopping here saves building a batch that will be refused.
		if d.batch && depth <= 2 && n == d.lim.Calls {
			return d.errorAt(CodeInvalidParams, "there are too many calls in one system.multicall")
		}
		v, err := d.value(t, empty, depth+1)
		if err != nil {
			return err
		}
		d.open = append(d.open, v)
		if t, empty, err = d.next(parent); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) structure(empty bool, depth int) (Value, error) {
	first := len(d.named)
	var names nameSet
	for !empty {
		t, none, err := d.next(tagStruct)
		if err != nil {
			return Value{}, err
		}
		if t == tagEnd {
			break
		}
		if t == tagNil {
			// metaweblog.el sends an empty <nil/> in place of a member without
			// a value. Nothing else is allowed between members.
			text, err := d.scalar(t, none)
			if err != nil {
				return Value{}, err
			}
			if trim(text) != "" {
				return Value{}, d.misshapen("<nil> is not empty")
			}
			continue
		}
		if t != tagMember || none {
			return Value{}, d.misshapen("<struct> holds something else than <member> with a name")
		}
		if len(d.named)-first == d.lim.Members {
			return Value{}, d.misshapen("a struct has too many members")
		}
		m, err := d.member(depth)
		if err != nil {
			return Value{}, err
		}
		if !names.add(d.named[first:], m.Name) {
			return Value{}, d.misshapen("a struct has two members of one name")
		}
		d.named = append(d.named, m)
	}
	b := d.box()
	b.members = d.members.take(d.named[first:])
	clear(d.named[first:])
	d.named = d.named[:first]
	return Value{kind: KindStruct, box: b}, nil
}

// member reads a name and its value. A member without a value is nil: WordPress
// ignores it too.
func (d *decoder) member(depth int) (m Member, err error) {
	named, valued := false, false
	place := -1
	for {
		t, empty, err := d.next(tagMember)
		switch {
		case err != nil:
			return m, err
		case t == tagEnd:
			if !named {
				return m, d.misshapen("a member lacks its name")
			}
			d.nameMember(place, m.Name)
			return m, nil
		case t == tagName:
			if named {
				return m, d.misshapen("a member has two names")
			}
			named = true
			if m.Name, err = d.scalar(tagName, empty); err != nil {
				return m, err
			}
			if m.Name = trim(m.Name); len(m.Name) > d.lim.Name {
				return m, d.misshapen("the name of a member is too long")
			}
		case valued:
			return m, d.misshapen("a member has two values")
		default:
			valued = true
			if d.trace != nil && depth < traceDepth {
				place = len(d.trace.places)
			}
			if m.Value, err = d.value(t, empty, depth+1); err != nil {
				return m, err
			}
		}
	}
}
