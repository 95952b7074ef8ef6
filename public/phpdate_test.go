package public

import (
	"strings"
	"testing"
	"time"
)

// The results of PHP's date for each letter (PHP 8.2; for T the form that its
// manual shows for zones without a name).
func TestPHPDate(t *testing.T) {
	const letters = "d D j l N S w z W F m M n t L o Y y a A B g G h H i s u v e I O P p T Z c r U"
	for _, test := range []struct{ clock, zone, want string }{
		{"2027-01-01 00:30:05", "Europe/Berlin", "01|Fri|1|Friday|5|st|5|0|53|January|01|Jan|1|31|0|2026|2027|27|am|AM|020|12|0|12|00|30|05|000000|000|Europe/Berlin|0|+0100|+01:00|+01:00|CET|3600|2027-01-01T00:30:05+01:00|Fri, 01 Jan 2027 00:30:05 +0100|1798759805"},
		{"2026-07-09 23:59:59", "America/St_Johns", "09|Thu|9|Thursday|4|th|4|189|28|July|07|Jul|7|31|0|2026|2026|26|pm|PM|145|11|23|11|23|59|59|000000|000|America/St_Johns|1|-0230|-02:30|-02:30|NDT|-9000|2026-07-09T23:59:59-02:30|Thu, 09 Jul 2026 23:59:59 -0230|1783650599"},
		{"2024-12-30 12:00:00", "+05:45", "30|Mon|30|Monday|1|th|1|364|01|December|12|Dec|12|31|1|2025|2024|24|pm|PM|302|12|12|12|12|00|00|000000|000|+05:45|0|+0545|+05:45|+05:45|+05:45|20700|2024-12-30T12:00:00+05:45|Mon, 30 Dec 2024 12:00:00 +0545|1735539300"},
		{"2026-11-05 06:07:08", "UTC", "05|Thu|5|Thursday|4|th|4|308|45|November|11|Nov|11|30|0|2026|2026|26|am|AM|296|6|6|06|06|07|08|000000|000|UTC|0|+0000|+00:00|Z|UTC|0|2026-11-05T06:07:08+00:00|Thu, 05 Nov 2026 06:07:08 +0000|1793858828"},
		{"2021-01-03 23:00:00", "-09:30", "03|Sun|3|Sunday|7|rd|0|2|53|January|01|Jan|1|31|0|2020|2021|21|pm|PM|395|11|23|11|23|00|00|000000|000|-09:30|0|-0930|-09:30|-09:30|-09:30|-34200|2021-01-03T23:00:00-09:30|Sun, 03 Jan 2021 23:00:00 -0930|1609749000"},
	} {
		zone, err := time.LoadLocation(test.zone)
		if offset, failed := time.Parse("-07:00", test.zone); failed == nil {
			_, seconds := offset.Zone()
			zone, err = time.FixedZone(test.zone, seconds), nil
		}
		if err != nil {
			t.Fatal(err)
		}
		clock, err := time.Parse(time.DateTime, test.clock)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(test.want, "|")
		for i, letter := range strings.Fields(letters) {
			if got := phpDate(letter, clock, zone); got != want[i] {
				t.Errorf("%s of %s in %s: got %q, want %q", letter, test.clock, test.zone, got, want[i])
			}
		}
		if got := phpDate(`\Y Q é\`, clock, zone); got != `Y Q é\` {
			t.Errorf("letters that mean nothing: got %q", got)
		}
	}
}
