package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/term"
)

// askLine asks for one line.
func askLine(ctx context.Context, out streams, prompt string) (string, error) {
	fmt.Fprint(out.out, prompt)
	line, err := readLine(out.in)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", errors.Join(errors.New("nothing was entered"), err)
	}
	return line, nil
}

// readLine reads up to the end of a line of at most 64 KiB, and nothing after
// it, since that is the answer to the next question.
func readLine(in io.Reader) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < 64<<10; {
		if _, err := io.ReadFull(in, one); err != nil {
			return string(line), err
		}
		if one[0] == '\n' {
			break
		}
		line = append(line, one[0])
	}
	return string(line), nil
}

// askSecret asks for a line, which the terminal does not show.
func askSecret(ctx context.Context, out streams, prompt string) (string, error) {
	terminal := int(os.Stdin.Fd())
	if !term.IsTerminal(terminal) {
		return askLine(ctx, out, prompt)
	}
	fmt.Fprint(out.out, prompt)
	text, err := term.ReadPassword(terminal)
	fmt.Fprintln(out.out)
	if err != nil {
		return "", fmt.Errorf("read what was entered: %w", err)
	}
	if len(text) == 0 {
		return "", errors.New("nothing was entered")
	}
	return string(text), nil
}

// openBrowser opens an address in the user's browser. The address is printed as
// well, for computers where this does not work.
func openBrowser(address string) {
	program, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		program = "open"
	case "windows":
		program, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	cmd := exec.Command(program, args...)
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }()
	}
}
