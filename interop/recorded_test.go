package interop

import (
	"testing"
)

// unwritable lists methods whose success needs something that no file can
// contain, with the test that shows it.
var unwritable = map[string]string{
	"xmlrpcs.enrol": "a code that was drawn a moment before: TestK16EnrolOverTheWire of package wordpress",
}

// Every method of the server has a successful exchange among the recordings,
// and at least one is replayed.
func TestEveryMethodIsRecorded(t *testing.T) {
	recorded := make(map[string]bool)
	for _, s := range loadScenarios(t) {
		if pending[s.Scenario] != "" {
			continue
		}
		for i, x := range s.Exchanges {
			if x.Outcome == "ok" && !s.excused(i) {
				recorded[x.Method] = true
			}
		}
	}
	known := openEdge(t, seed(t, "")).ask(t, rpc("system.listMethods"))
	if len(known.I) < 80 {
		t.Errorf("the server knows %d methods, want WordPress's 80 at least", len(known.I))
	}
	for _, name := range known.I {
		if !recorded[name.value()] && unwritable[name.value()] == "" {
			t.Errorf("no recorded exchange shows what %s answers", name.value())
		}
	}
}
