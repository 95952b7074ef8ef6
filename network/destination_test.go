package network_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/network"
)

func TestParseDestinations(t *testing.T) {
	one := func(prefix string, port uint16) []network.Destination {
		return []network.Destination{{Prefix: netip.MustParsePrefix(prefix), Port: port}}
	}
	for _, test := range []struct {
		text string
		want []network.Destination
		bad  bool
	}{
		{text: ""},
		{text: " , "},
		{text: "10.0.0.0/8", want: one("10.0.0.0/8", 0)},
		{text: "10.1.2.3/8", want: one("10.0.0.0/8", 0)},
		{text: "127.0.0.1", want: one("127.0.0.1/32", 0)},
		{text: "127.0.0.1:18099", want: one("127.0.0.1/32", 18099)},
		{text: "127.0.0.0/8:8080", want: one("127.0.0.0/8", 8080)},
		{text: "::ffff:127.0.0.1", want: one("127.0.0.1/32", 0)},
		{text: "::1", want: one("::1/128", 0)},
		{text: "fd00::/8", want: one("fd00::/8", 0)},
		{text: "[::1]:8080", want: one("::1/128", 8080)},
		{text: "[fd00::/8]:8080", want: one("fd00::/8", 8080)},
		{text: "[fd00::]/8", want: one("fd00::/8", 0)},
		{text: "10.0.0.0/8, 127.0.0.1:81\n[::1]:82", want: append(append(one("10.0.0.0/8", 0), one("127.0.0.1/32", 81)...), one("::1/128", 82)...)},
		{text: "localhost", bad: true},
		{text: ":80", bad: true},
		{text: "127.0.0.1:", bad: true},
		{text: "127.0.0.1:0", bad: true},
		{text: "127.0.0.1:65536", bad: true},
		{text: "10.0.0.0/33", bad: true},
		{text: "10.0.0.0/8 x", bad: true},
		{text: "fe80::1%eth0", bad: true},
		{text: "::", want: one("::/128", 0)},
		{text: "[", bad: true},
	} {
		t.Run(test.text, func(t *testing.T) {
			got, err := network.ParseDestinations(test.text)
			if (err != nil) != test.bad {
				t.Fatalf("got error %v, want one: %t", err, test.bad)
			}
			if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" && !test.bad {
				t.Errorf("networks (-want +got):\n%s", diff)
			}
		})
	}
}
