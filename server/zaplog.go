package server

import (
	"context"
	"log/slog"

	"go.uber.org/zap/zapcore"
)

// zapLog writes certmagic's log to the log of the server: warnings and errors
// unchanged, information about its steps at debug level. It drops certmagic's
// own debug messages, such as requests.
type zapLog struct{ logger *slog.Logger }

func (z zapLog) Enabled(level zapcore.Level) bool {
	return level >= zapcore.InfoLevel && z.logger.Enabled(context.Background(), slogLevel(level))
}

func (z zapLog) With(fields []zapcore.Field) zapcore.Core {
	return zapLog{slog.New(z.logger.Handler().WithAttrs(slogAttrs(fields)))}
}

func (z zapLog) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if z.Enabled(e.Level) {
		return c.AddCore(e, z)
	}
	return c
}

func (z zapLog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	z.logger.LogAttrs(context.Background(), slogLevel(e.Level), "certificates: "+e.Message, slogAttrs(fields)...)
	return nil
}

func (z zapLog) Sync() error { return nil }

func slogLevel(level zapcore.Level) slog.Level {
	switch {
	case level >= zapcore.ErrorLevel:
		return slog.LevelError
	case level >= zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

func slogAttrs(fields []zapcore.Field) []slog.Attr {
	m := zapcore.NewMapObjectEncoder()
	out := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		f.AddTo(m)
		if v, ok := m.Fields[f.Key]; ok {
			out = append(out, slog.Any(f.Key, v))
		}
	}
	return out
}
