package mail

import (
	"strings"
	"time"
)

// NewImpatient returns a mailer with shorter timeouts.
func NewImpatient(cfg Config, timeout time.Duration) *Mailer { return &Mailer{cfg, timeout} }

// Bytes returns a mail as it is sent to the server.
func Bytes(cfg Config, m Message) (string, error) {
	msg, err := New(cfg).message(m)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	_, err = msg.WriteTo(&b)
	return b.String(), err
}
