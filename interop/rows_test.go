package interop

import (
	"fmt"
	"strings"
	"testing"
)

// row is something that publishing programs need of a server, with the programs that need it. The numbers are fixed:
// reports of clients name them.
type row struct {
	name string
	do   func(t *testing.T, e *edge)
}

// rows are all of them, in order.
var rows = []row{
	{"01 faults on HTTP 200, as XML with its declaration", row01},
	{"02 one array is the argument list", row02},
	{"03 any content type, never a form", row03},
	{"04 a typed element without value", row04},
	{"05 nil between members and as a value", row05},
	{"06 every way to write the envelope", row06},
	{"07 untyped is string, an empty int is 0", row07},
	{"08 ids as text or number, any blog id", row08},
	{"09 types of new ids and of success", row09},
	{"10 every value has a plain type", row10},
	{"11 dates out", row11},
	{"12 dates in", row12},
	{"13 the lists of blogs", row13},
	{"14 introspection", row14},
	{"15 GET at the endpoint", row15},
	{"16 discovery document", row16},
	{"17 marks of the home page", row17},
	{"18 manifest", row18},
	{"19 no redirect at the endpoint", row19},
	{"20 the publish flag", row20},
	{"21 keywords", row21},
	{"22 the more tag", row22},
	{"23 who may comment", row23},
	{"24 base64 of all sizes", row24},
	{"25 what an upload answers", row25},
	{"26 the picture of a post", row26},
	{"27 lists of fields", row27},
	{"28 a conflict of edits", row28},
	{"29 deleting thrice", row29},
	{"30 codes of faults", row30},
	{"31 loose types", row31},
	{"32 dialects of HTTP", row32},
	{"33 idle connections end", row33},
	{"34 signatures and the deprecation of passwords", row34},
	{"35 bursts are not slowed down", row35},
	{"36 names with entities", row36},
}

func TestClientRows(t *testing.T) {
	t.Parallel()
	eachSeeded(t, func(t *testing.T, seed seeded) {
		// A group, so that the server runs until its parallel tests are done.
		e := openEdge(t, seed)
		t.Run("rows", func(t *testing.T) {
			for _, r := range rows {
				t.Run(r.name, func(t *testing.T) { r.do(t, e) })
			}
		})
	})
}

// No row is left out.
func TestClientRowsAreNumbered(t *testing.T) {
	if len(rows) != 36 {
		t.Errorf("%d rows, want 36", len(rows))
	}
	for i, r := range rows {
		if !strings.HasPrefix(r.name, fmt.Sprintf("%02d ", i+1)) {
			t.Errorf("row %d is named %q", i+1, r.name)
		}
	}
}
