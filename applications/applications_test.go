package applications

import (
	"slices"
	"testing"

	"github.com/quillgate/quillgate/methods"
)

// Every row has a function, and every function a row: one without the other
// would be offered and not answered.
func TestRowsAndFunctionsGoTogether(t *testing.T) {
	for _, row := range Rows() {
		if functions[row.Name] == nil {
			t.Errorf("%s has no function", row.Name)
		}
	}
	for name := range functions {
		if !slices.ContainsFunc(Rows(), func(m *methods.Method) bool { return m.Name == name }) {
			t.Errorf("%s has no row", name)
		}
	}
}
