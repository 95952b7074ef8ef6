package xmlrpc

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"
)

// An answer is the answer to a client while it is being written. It starts in a
// pooled buffer, continues in memory if there is some, and otherwise in the
// spool. It is complete before its first byte is sent, so that an error in the
// middle still becomes a fault, and its length and digest are known.
type answer[I any] struct {
	encoder
	h       *Handler[I]
	pooled  *[]byte
	most    int64 // in bytes, beyond it errBatchAnswer; 0 means no limit
	held    int64 // bytes reserved in memory
	spool   *Spool
	spilled int64 // bytes in the spool; dst follows them
	counted int64 // bytes reserved in the spool
}

// smallAnswer is the size up to which an answer needs no memory from the
// budget.
const smallAnswer = 64 << 10

// answerRate is how many bytes a second a client must accept of a long answer,
// in addition to Config.WriteTime, so that nobody keeps one in the spool for
// ever.
const answerRate = 16 << 10

func (h *Handler[I]) newAnswer() *answer[I] {
	a := &answer[I]{h: h, pooled: h.answers.Get().(*[]byte)}
	a.dst = (*a.pooled)[:0]
	a.full = smallAnswer
	a.spill = a.makeRoom
	return a
}

// size returns the number of bytes written.
func (a *answer[I]) size() int64 { return a.spilled + int64(len(a.dst)) }

// makeRoom is called when dst is full.
func (a *answer[I]) makeRoom() error {
	if a.most > 0 && a.size() > a.most {
		return errBatchAnswer
	}
	cfg := &a.h.cfg
	if a.spool == nil && a.held == 0 && cfg.SpoolAbove > smallAnswer && a.h.answerMemory.TryAcquire(cfg.SpoolAbove) {
		a.held = cfg.SpoolAbove
		a.full = int(cfg.SpoolAbove)
		return nil
	}
	return a.toSpool()
}

func (a *answer[I]) toSpool() error {
	if a.spool == nil {
		a.spool = NewSpool(a.h.cfg.SpoolDir, 0)
		a.full = smallAnswer
	}
	n := int64(len(a.dst))
	if a.spilled+n > a.counted {
		more := a.spilled + n - a.counted
		if a.h.answersSpooled.Add(more) > a.h.cfg.AnswerTotal {
			a.h.answersSpooled.Add(-more)
			return errBusy
		}
		a.counted += more
	}
	if _, err := a.spool.Write(a.dst); err != nil {
		return fmt.Errorf("spool an answer: %w", err)
	}
	a.spilled += n
	a.dst = a.dst[:0]
	return nil
}

// cut removes everything written after the first size bytes.
func (a *answer[I]) cut(size int64) error {
	if size >= a.spilled {
		a.dst = a.dst[:size-a.spilled]
		return nil
	}
	a.spilled, a.dst = size, a.dst[:0]
	return a.spool.Truncate(size)
}

// body returns a reader of the answer from its beginning.
func (a *answer[I]) body() io.Reader {
	if a.spool == nil {
		return bytes.NewReader(a.dst)
	}
	return io.MultiReader(io.NewSectionReader(a.spool, 0, a.spilled), bytes.NewReader(a.dst))
}

// send writes the answer to a client that must take it in time.
func (a *answer[I]) send(w http.ResponseWriter, control *http.ResponseController) (sent int64, err error) {
	start, grace := time.Now(), a.h.cfg.WriteTime
	_ = control.SetWriteDeadline(start.Add(grace))
	if a.spool != nil {
		block := make([]byte, piece)
		for sent < a.spilled && err == nil {
			var n int
			if n, err = a.spool.ReadAt(block[:min(int64(len(block)), a.spilled-sent)], sent); n == 0 {
				return sent, err
			}
			n, err = w.Write(block[:n])
			sent += int64(n)
			_ = control.SetWriteDeadline(start.Add(grace + time.Duration(sent/answerRate)*time.Second))
		}
	}
	if err == nil {
		var n int
		n, err = w.Write(a.dst)
		sent += int64(n)
	}
	return sent, err
}

// release frees the memory and spool space of the answer.
func (a *answer[I]) release() {
	if a.held > 0 {
		a.h.answerMemory.Release(a.held)
		a.held = 0
	}
	if a.spool != nil {
		if err := a.spool.Close(); err != nil {
			a.h.cfg.Log.Warn("an answer was not removed from the spool", "error", err.Error())
		}
		a.spool = nil
		a.h.answersSpooled.Add(-a.counted)
	}
	if a.pooled != nil {
		if cap(a.dst) <= 1<<20 {
			*a.pooled = a.dst[:0]
		}
		a.h.answers.Put(a.pooled)
	}
	a.pooled, a.dst = nil, nil
}
