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
	around, last, guess := d.around, 0, 0
	if len(d.patterns) > 0 {
		guess = d.patterns[around].inside
	}
	for !empty {
		at := 0
		if guess > 0 && len(d.named)-first < d.lim.Members && depth < d.lim.Depth && d.opened+patternOpens <= d.mostOpen {
			at = d.expect(guess)
		}
		var m Member
		var mark uint64
		if at > 0 {
			v, err := d.expected(at, depth+1)
			if err != nil {
				return Value{}, err
			}
			p := &d.patterns[at]
			m, mark, last, guess = Member{p.name, v}, p.mark, at, p.next
		} else {
			head := d.i
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
			if m, at, err = d.member(head, depth); err != nil {
				return Value{}, err
			}
			mark = nameMark(m.Name)
			if at > 0 && d.learned(at, mark, around, last) {
				last, guess = at, d.patterns[at].next
			}
		}
		if !names.add(d.named[first:], m.Name, mark) {
			return Value{}, d.misshapen("a struct has two members of one name")
		}
		d.named = append(d.named, m)
	}
	d.around = around
	d.used.named = max(d.used.named, len(d.named))
	b := d.box()
	b.members = d.members.take(d.named[first:])
	d.named = d.named[:first]
	return Value{kind: KindStruct, box: b}, nil
}

// member reads a name and its value, and returns the pattern of the member,
// which begins at head, or 0. A member without a value is nil: WordPress
// ignores it too.
func (d *decoder) member(head, depth int) (m Member, at int, err error) {
	named, valued := false, false
	place := -1
	for {
		t, empty, err := d.next(tagMember)
		switch {
		case err != nil:
			return m, 0, err
		case t == tagEnd:
			if !named {
				return m, 0, d.misshapen("a member lacks its name")
			}
			d.nameMember(place, m.Name)
			return m, at, nil
		case t == tagName:
			if named {
				return m, 0, d.misshapen("a member has two names")
			}
			named = true
			if m.Name, err = d.scalar(tagName, empty); err != nil {
				return m, 0, err
			}
			if m.Name = trim(m.Name); len(m.Name) > d.lim.Name {
				return m, 0, d.misshapen("the name of a member is too long")
			}
		case valued:
			return m, 0, d.misshapen("a member has two values")
		default:
			valued = true
			if d.trace != nil && depth < traceDepth {
				place = len(d.trace.places)
			}
			if named {
				at = d.learn(head, m.Name)
				d.learning = at
			}
			if m.Value, err = d.value(t, empty, depth+1); err != nil {
				return m, 0, err
			}
		}
	}
}

// endMember reads the end of a member that has a name and a value.
func (d *decoder) endMember() error {
	switch t, _, err := d.next(tagMember); {
	case err != nil:
		return err
	case t == tagName:
		return d.misshapen("a member has two names")
	case t != tagEnd:
		return d.misshapen("a member has two values")
	}
	return nil
}
