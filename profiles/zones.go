package profiles

import (
	_ "embed"
	"slices"
	"strings"
)

// zoneNames are the time zones of the IANA database that its file zone.tab lists for the countries, and UTC, one a line.
//
//go:embed zones.txt
var zoneNames string

// zoneGroup holds the time zones of a part of the world, for a list of choices.
type zoneGroup struct {
	Name  string
	Zones []string
}

// Zones returns the time zones to choose from. If the current one is not among
// them, it comes first.
func (v *visit) Zones(is string) (groups []zoneGroup) {
	names := strings.Fields(zoneNames)
	if is != "" && !slices.Contains(names, is) {
		groups = append(groups, zoneGroup{v.T("As it is"), []string{is}})
	}
	for _, name := range names {
		region, _, _ := strings.Cut(name, "/")
		if len(groups) == 0 || groups[len(groups)-1].Name != region {
			groups = append(groups, zoneGroup{Name: region})
		}
		last := &groups[len(groups)-1]
		last.Zones = append(last.Zones, name)
	}
	return groups
}
