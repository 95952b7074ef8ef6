package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/xmlrpc"
)

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// painted returns the state of a finding, padded to the width of the longest
// one. It is colored on terminals, unless the user has turned colors off
// (https://no-color.org).
func painted(w io.Writer, state string) string {
	text := fmt.Sprintf("%-8s", state)
	if !onTerminal(w) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return text
	}
	color := "0"
	switch state {
	case fine, string(gateway.Closed):
		color = "32" // green
	case warning, string(gateway.Unclear):
		color = "33" // yellow
	case problem, string(gateway.Around):
		color = "31" // red
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// newTable returns a writer that aligns the tab-separated cells of lines when
// it is flushed.
func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 8, 2, ' ', 0) }

// tellList prints a list as JSON, or as a table for people; cells returns the
// cells of one line.
func tellList[T any](io streams, list []T, asJSON bool, heading []any, cells func(T) []any) error {
	if asJSON {
		return writeJSON(io.out, list)
	}
	format := strings.Repeat("%v\t", len(heading)-1) + "%v\n"
	t := newTable(io.out)
	fmt.Fprintf(t, format, heading...)
	for _, x := range list {
		fmt.Fprintf(t, format, cells(x)...)
	}
	return t.Flush()
}

// jsonValue encodes a value as JSON: members keep their order, dates are text
// as received, bytes are base64.
type jsonValue struct{ xmlrpc.Value }

func jsonOf(v xmlrpc.Value) jsonValue { return jsonValue{v} }

// MarshalJSON implements json.Marshaler.
func (j jsonValue) MarshalJSON() ([]byte, error) {
	v := j.Value
	switch v.Kind() {
	case xmlrpc.KindNil:
		return []byte("null"), nil
	case xmlrpc.KindInt:
		return strconv.AppendInt(nil, v.Int64(), 10), nil
	case xmlrpc.KindBool:
		return strconv.AppendBool(nil, v.Bool()), nil
	case xmlrpc.KindDouble:
		if f := v.Float64(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return plainJSON(f)
		}
	case xmlrpc.KindBase64:
		return plainJSON(base64.StdEncoding.EncodeToString([]byte(v.Text())))
	case xmlrpc.KindArray:
		list := make([]jsonValue, 0, v.Len())
		for _, x := range v.Elements() {
			list = append(list, jsonValue{x})
		}
		return plainJSON(list)
	case xmlrpc.KindStruct:
		return structJSON(v)
	}
	return plainJSON(v.Text())
}

func structJSON(v xmlrpc.Value) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range v.Members() {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := plainJSON(m.Name)
		if err != nil {
			return nil, err
		}
		value, err := jsonValue{m.Value}.MarshalJSON()
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plainJSON does not escape <, > and &, since the output is for terminals and
// programs, not for HTML.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// printValue prints a value for people: one line for each scalar, with members
// and elements indented below their name or number.
func printValue(w io.Writer, v xmlrpc.Value, indent string) error {
	if v.Len() == 0 && (v.Kind() == xmlrpc.KindArray || v.Kind() == xmlrpc.KindStruct) {
		_, err := fmt.Fprintln(w, indent+scalarText(v, indent)) // shows that the value is empty
		return err
	}
	switch v.Kind() {
	case xmlrpc.KindArray:
		for i, x := range v.Elements() {
			if err := printNamed(w, "- "+strconv.Itoa(i), x, indent); err != nil {
				return err
			}
		}
		return nil
	case xmlrpc.KindStruct:
		for _, m := range v.Members() {
			if err := printNamed(w, m.Name, m.Value, indent); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := fmt.Fprintln(w, indent+scalarText(v, indent))
	return err
}

func printNamed(w io.Writer, name string, v xmlrpc.Value, indent string) error {
	if (v.Kind() == xmlrpc.KindArray || v.Kind() == xmlrpc.KindStruct) && v.Len() > 0 {
		if _, err := fmt.Fprintln(w, indent+visibleText(name)+":"); err != nil {
			return err
		}
		return printValue(w, v, indent+"  ")
	}
	_, err := fmt.Fprintln(w, indent+visibleText(name)+": "+scalarText(v, indent+"  "))
	return err
}

func scalarText(v xmlrpc.Value, indent string) string {
	switch v.Kind() {
	case xmlrpc.KindArray, xmlrpc.KindStruct:
		return "(none)"
	case xmlrpc.KindNil:
		return "(nil)"
	case xmlrpc.KindBase64:
		return fmt.Sprintf("(%d bytes)", v.Size())
	case xmlrpc.KindInt:
		return strconv.FormatInt(v.Int64(), 10)
	case xmlrpc.KindBool:
		return strconv.FormatBool(v.Bool())
	case xmlrpc.KindDouble:
		return strconv.FormatFloat(v.Float64(), 'g', -1, 64)
	}
	return strings.ReplaceAll(visibleText(v.Text()), "\n", "\n"+indent)
}

// visibleText keeps text from strangers from controlling the terminal.
func visibleText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
