package server

import (
	"context"
	"log/slog"
)

// LogHandler adds the request id to every line that is logged with the
// request's context, in any package.
func LogHandler(next slog.Handler) slog.Handler { return requestLog{next} }

type requestLog struct{ slog.Handler }

func (h requestLog) Handle(ctx context.Context, line slog.Record) error {
	if id := recordOf(ctx).id; id != "" {
		line.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, line)
}

func (h requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{h.Handler.WithAttrs(attrs)}
}

func (h requestLog) WithGroup(name string) slog.Handler { return requestLog{h.Handler.WithGroup(name)} }
