package xmlrpc

// An arena cuts many small slices from few allocations.
type arena[T any] struct {
	free []T
	next int
}

// take returns a copy of list that has no room to grow.
func (a *arena[T]) take(list []T) []T {
	if len(list) == 0 {
		return nil
	}
	cut := a.room(len(list))
	copy(cut, list)
	return cut
}

// one returns a pointer to a new T.
func (a *arena[T]) one() *T { return &a.room(1)[0] }

func (a *arena[T]) room(n int) []T {
	if n > len(a.free) {
		a.next = min(max(2*a.next, 8), 512)
		a.free = make([]T, max(a.next, n))
	}
	cut := a.free[:n:n]
	a.free = a.free[n:]
	return cut
}

// A nameSet detects duplicate member names. In small structs it compares the
// names one by one, and mostly not even that: few names share their mark.
type nameSet struct {
	marks uint64
	all   map[string]struct{}
}

const namesCompared = 48

// add reports whether a name with a mark is new.
func (s *nameSet) add(before []Member, name string, mark uint64) bool {
	if s.all != nil || len(before) == namesCompared {
		if s.all == nil {
			s.all = make(map[string]struct{}, 4*namesCompared)
			for i := range before {
				s.all[before[i].Name] = struct{}{}
			}
		}
		n := len(s.all)
		s.all[name] = struct{}{}
		return len(s.all) > n
	}
	if s.marks&mark == 0 {
		s.marks |= mark
		return true
	}
	for i := range before {
		if before[i].Name == name {
			return false
		}
	}
	return true
}

// nameMark returns one bit that depends on the name.
func nameMark(name string) uint64 {
	h := uint32(len(name))
	for i := 0; i < len(name); i++ {
		h = h*31 + uint32(name[i])
	}
	return 1 << (h * 0x9e3779b1 >> 26)
}
