package main

import (
	"crypto/tls"
	"fmt"
	"reflect"

	"github.com/alecthomas/kong"
)

type checkConfigCmd struct {
	Template bool `help:"Print a settings file with all settings instead. Those that have their default are comments."`
}

// Help is shown by quillgate check-config --help.
func (checkConfigCmd) Help() string {
	return `The settings come from the command line, the environment (QUILLGATE_*; for a secret also the file that its
_FILE variable names) and the settings file, in this order. The exit code is 2 if any of them is wrong.`
}

// tryFiles reads the files that the settings for TLS and mail name, as a server
// does when it starts.
func (s *settings) tryFiles() error {
	if _, err := s.tls(); err != nil {
		return err
	}
	if _, err := s.mailer(s.BaseURL); err != nil {
		return err
	}
	if s.TLSCert == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey); err != nil {
		return fmt.Errorf("tls-cert and tls-key: %w", err)
	}
	return nil
}

// Run prints the settings as every command sees them. Any other error in the
// settings has already ended the program.
func (c *checkConfigCmd) Run(k *kong.Context, s *settings, io streams) error {
	if err := s.tryFiles(); err != nil {
		return usageError{err}
	}
	if c.Template {
		return writeTemplate(io.out, k.Model)
	}
	t := newTable(io.out)
	v := reflect.ValueOf(*s)
	for i, name := range settingNames() {
		value := fmt.Sprint(v.Field(i).Interface())
		if _, secret := v.Type().Field(i).Tag.Lookup("secret"); secret && value != "" {
			value = "[set, not shown]"
		}
		fmt.Fprintf(t, "%s\t%s\n", name, value)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(io.out, "The settings are valid.")
	return err
}
