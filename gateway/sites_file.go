package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

// ParseSites reads a file of sites. A line in brackets names the host of a
// site, and the lines below it are its settings:
//
//	# a comment
//	[blog.example]
//	upstream = http://127.0.0.1:8081/xmlrpc.php
//	base-url = https://blog.example
//	upstream-host = blog.example
//	password-mode = warn
//	allow-method = ngg.getImages=1 wpStats.get_posts=none
//	pass = jetpack
//	pass-from = 192.0.80.0/20, 192.0.96.0/20
//
// Only upstream is required. A value may be quoted. The error joins all
// problems, each with its line.
func ParseSites(text string) ([]Site, error) {
	var sites []Site
	var lines []int // the line on which each site begins
	var bad []error
	wrong := func(line int, why string) { bad = append(bad, fmt.Errorf("line %d: %s", line, why)) }
	seen := make(map[string]int) // the line of each host, and of each setting of the current site
	set := make(map[string]int)
	inside := false
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			inside = true
			clear(set)
			host, err := CleanHost(strings.Trim(strings.TrimSuffix(line[1:], "]"), `" `))
			switch {
			case !strings.HasSuffix(line, "]"):
				wrong(n, "a site begins with its host in brackets, such as [blog.example]")
			case err != nil:
				wrong(n, err.Error())
			case seen[host] != 0:
				wrong(n, fmt.Sprintf("the site %s is there already, in line %d", host, seen[host]))
			}
			seen[host] = n
			sites, lines = append(sites, Site{Host: host}), append(lines, n)
			continue
		}
		name, value, found := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), unquoted(strings.TrimSpace(value))
		switch {
		case !found:
			wrong(n, "a setting is NAME = VALUE")
			continue
		case !inside:
			wrong(n, "the setting stands before the first site: begin with the host in brackets, such as [blog.example]")
			continue
		case set[name] != 0:
			wrong(n, fmt.Sprintf("%s is there already, in line %d", name, set[name]))
			continue
		}
		set[name] = n
		if !sites[len(sites)-1].say(name, value) {
			wrong(n, "there is no setting "+name+": a site has upstream, base-url, upstream-host, password-mode, allow-method, pass and pass-from")
		}
	}
	for i := range sites {
		if sites[i].Host == "" {
			continue // already reported
		}
		if _, err := sites[i].Config(Config{}); err != nil {
			wrong(lines[i], sites[i].Host+": "+err.Error())
		}
	}
	return sites, errors.Join(bad...)
}

// unquoted removes quotation marks around a value.
func unquoted(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

// say sets one setting of a site. It returns false for an unknown name.
func (s *Site) say(name, value string) bool {
	switch name {
	case "upstream":
		s.Upstream = value
	case "base-url":
		s.BaseURL = value
	case "upstream-host":
		s.UpstreamHost = value
	case "password-mode":
		s.PasswordMode = auth.Mode(value)
	case "allow-method":
		s.AllowMethods = value
	case "pass":
		s.Pass = value
	case "pass-from":
		s.PassFrom = value
	default:
		return false
	}
	return true
}

// Sync changes the list to match a file, in one transaction: it adds or changes
// the sites of the file, and turns off those that were only in an earlier file.
// Their data is kept, and they are served again when they return to the file.
// Sites that never were in a file do not change. changed is the number of sites
// that were changed. Errors: those of Add.
func (s *Sites) Sync(ctx context.Context, by audit.Actor, sites []Site) (changed int, err error) {
	for i := range sites {
		if err := sites[i].check(); err != nil {
			return 0, err
		}
	}
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		changed = 0
		var there []Site
		if err := tx.Select(ctx, &there, `SELECT `+siteColumns+` FROM sites ORDER BY host`); err != nil {
			return err
		}
		known := make(map[string]Site, len(there))
		for _, site := range there {
			known[site.Host] = site
		}
		for _, site := range sites {
			site.Listed, site.Off = true, false
			before, found := known[site.Host]
			delete(known, site.Host)
			if !found {
				if _, err := s.add(ctx, tx, by, site); err != nil {
					return err
				}
				changed++
				continue
			}
			site.ID, site.Created = before.ID, before.Created
			if site == before {
				continue
			}
			if err := s.set(ctx, tx, by, site); err != nil {
				return err
			}
			changed++
		}
		for _, host := range slices.Sorted(maps.Keys(known)) {
			site := known[host]
			if !site.Listed || site.Off {
				continue
			}
			site.Off = true
			if err := s.set(ctx, tx, by, site); err != nil {
				return err
			}
			changed++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("take over a list of sites: %w", err)
	}
	s.outdated()
	return changed, nil
}
