package main

import (
	"io"
	"strings"
	"testing"
)

// Answers that arrive together, from a pipe, each belong to their question.
func TestAnswersOfAPipe(t *testing.T) {
	in := streams{strings.NewReader("ada\r\nabcd efgh\n\nlast"), io.Discard, io.Discard}
	for _, want := range []string{"ada", "abcd efgh", "", "last", ""} {
		got, err := askLine(t.Context(), in, "? ")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}
