package database

import (
	"bytes"
	"strings"
	"testing"
)

// The key of an ASCII text is composed of the keys of its characters. It must
// equal that of the collator.
func FuzzSortKeyOfASCII(f *testing.F) {
	for _, text := range []string{"", "A plain title", "`tick` ^caret", "a_b--c... 100% \"x\"\t\n\x00\x7f", strings.Repeat("ab ", 40)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxSorted || !ascii(text) {
			return
		}
		if got, want := sortKey(text), collated(text); !bytes.Equal(got, want) {
			t.Errorf("the key of %q is %x, want %x", text, got, want)
		}
	})
}

func BenchmarkSortKey(b *testing.B) {
	for name, text := range map[string]string{"ascii": strings.Repeat("A plain title ", 4), "latin": strings.Repeat("Ünïcödé tïtle ", 4)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				sortKey(text)
			}
		})
	}
}
