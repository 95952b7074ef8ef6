package auth

import "context"

// Sweep removes old nonces now.
func Sweep(ctx context.Context, v *Verifier) error { return v.nonces.sweep(ctx, v.cfg.Clock()) }
