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

// zoneGroup are the zones of a part of the world, as a list of choices has them.
type zoneGroup struct {
	Name  string
	Zones []string
}

// Zones are the time zones to choose from. One that is set, and not among them, is the first.
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
