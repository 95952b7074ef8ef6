package xmlrpc

// Limits bound what one document may cost. A field that is zero has its
// default; there is no way to remove a limit.
//
// These are not configurable: 64 attributes on an element, 16 KiB for one tag,
// 4 KiB for everything before the root up to the end of the XML declaration, 1
// KiB for a method name, 1 KiB for a reference, 2 KiB for the text of a number
// or date.
type Limits struct {
	Elements    int // elements in the document: 30,000 in a call (as in WordPress), 1,000,000 in a response
	Depth       int // nesting of values: 64
	Params      int // parameters as sent: 256
	Members     int // members of one struct: 10,000
	Name        int // bytes of a member's name: 1,024
	Calls       int // calls in one system.multicall: 100
	BatchAnswer int // bytes of results of one system.multicall: 8 MiB
}

const (
	maxAttributes = 64
	maxTag        = 16 << 10
	maxProlog     = 4 << 10
	maxMethodName = 1 << 10
	maxReference  = 1 << 10
	maxNumber     = 2 << 10
	responseLimit = 1000000
	windowSize    = 64 << 10 // of the scanner over a spooled document; more than maxTag
	keptBase64    = 16 << 10 // decoded bytes of the largest base64 value that a spooled document keeps in memory
	freeText      = 1 << 20  // bytes of text that a spooled document may hold without a reservation
	multicallName = "system.multicall"
)

func (l Limits) withDefaults() Limits {
	set := func(p *int, n int) {
		if *p == 0 {
			*p = n
		}
	}
	set(&l.Elements, 30000)
	set(&l.Depth, 64)
	set(&l.Params, 256)
	set(&l.Members, 10000)
	set(&l.Name, 1024)
	set(&l.Calls, 100)
	set(&l.BatchAnswer, 8<<20)
	return l
}
