package media_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/media"
)

// head returns the beginning of a picture, given as hexadecimal digits,
// followed by zeros.
func head(t testing.TB, digits string, zeros int) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, make([]byte, zeros)...)
}

// heads are pictures that no decoder supports, with their sizes.
func heads(t testing.TB) map[string]struct {
	bytes         []byte
	width, height int
} {
	type picture = struct {
		bytes         []byte
		width, height int
	}
	jpeg := func(marker, precision, before string) []byte {
		return head(t, "ffd8"+before+"ffdb0043 00"+strings.Repeat("10", 64)+"ff"+marker+"000b"+precision+"012c 0190 01 011100 ffda0008 0101 0000 3f00", 64)
	}
	tiff := func(order interface {
		binary.ByteOrder
		binary.AppendByteOrder
	}, start string, long bool,
	) []byte {
		b := append([]byte(start), 0, 0, 0, 0)
		order.PutUint32(b[4:], 16)
		b = append(b, make([]byte, 8)...)
		entry := func(tag uint16, value uint32) {
			kind := uint16(3)
			if long {
				kind = 4
			}
			b = order.AppendUint16(order.AppendUint16(b, tag), kind)
			b = order.AppendUint32(b, 1)
			if long {
				b = order.AppendUint32(b, value)
			} else {
				b = order.AppendUint16(order.AppendUint16(b, uint16(value)), 0)
			}
		}
		b = order.AppendUint16(b, 3)
		entry(254, 0)
		entry(256, 400)
		entry(257, 300)
		return b
	}
	return map[string]picture{
		"ico":                    {head(t, "00000100 0200 1010 0000 0100 0400 28000000 26000000 20100000 0100 2000 28000000 4e000000", 64), 32, 16},
		"ico of 256":             {head(t, "00000100 0100 0000 0000 0100 2000 28000000 16000000 89504e47", 64), 256, 256},
		"bmp run-length":         {head(t, "424d 36040000 00000000 36040000 28000000 08000000 02000000 0100 0800 01000000", 64), 8, 2},
		"bmp upside down, 16":    {head(t, "424d 36040000 00000000 36040000 28000000 08000000 feffffff 0100 1000 03000000", 64), 8, 2},
		"bmp of OS/2":            {head(t, "424d 36040000 00000000 1a000000 0c000000 0800 0200 0100 0400", 64), 8, 2},
		"jpeg arithmetic":        {jpeg("c9", "08", ""), 400, 300},
		"jpeg of 12 bits":        {jpeg("c1", "0c", ""), 400, 300},
		"jpeg lossless":          {jpeg("c3", "08", ""), 400, 300},
		"jpeg, bytes in between": {jpeg("c9", "08", "0000ff00ff"), 400, 300},
		"tiff little":            {tiff(binary.LittleEndian, "II*\x00", false), 400, 300},
		"tiff big":               {tiff(binary.BigEndian, "MM\x00*", true), 400, 300},
		"heic":                   {head(t, "00000018 66747970 68656963 00000000 6d696631 68656963 00000014 69737065 00000000 00000200 00000200 00000014 69737065 00000000 00000fc0 00000bd0", 64), 4032, 3024},
		"webp, animated":         {head(t, "52494646 00010000 57454250 56503858 0a000000 02000000 8f0100 2b0100 414e494d", 64), 400, 300},
	}
}

// Every picture whose header contains its size gets that size, even if no
// smaller versions can be made.
func TestSizesOfPicturesWithoutADecoder(t *testing.T) {
	for name, test := range heads(t) {
		s := memory{}
		if _, err := s.Create(t.Context(), "a.x", bytes.NewReader(test.bytes)); err != nil {
			t.Fatal(err)
		}
		p, err := media.NewImager(0).Process(t.Context(), s, "a.x", media.Order{Sizes: []media.Size{{Name: "thumbnail", Width: 1, Height: 1, Crop: true}}, Threshold: 100})
		if err != nil || p == nil || p.Width != test.width || p.Height != test.height || len(p.Versions) > 0 || p.File != "a.x" {
			t.Errorf("%s: %+v, %v; want %d by %d", name, p, err, test.width, test.height)
		}
	}
	for name, content := range map[string]string{
		"text": "BM is the beginning of a bitmap, and of this text, which is long enough", "film": "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00ispe" + strings.Repeat("\x00\x00\x01\x00", 9),
		"cut bitmap": "BM\x00", "cut icon": "\x00\x00\x01\x00\x01\x00\x10", "cut TIFF": "II*\x00\x08\x00\x00\x00", "TIFF beyond its end": "II*\x00\xff\xff\xff\xff", "cut JPEG": "\xff\xd8\xff",
	} {
		s := memory{}
		if _, err := s.Create(t.Context(), "a.x", strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		if p, err := media.NewImager(0).Process(t.Context(), s, "a.x", media.Order{}); p != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// BenchmarkHeads doubles files that contain no picture, and compares the time
// with that for half the size.
func BenchmarkHeads(b *testing.B) {
	for name, start := range map[string]string{"heic": "\x00\x00\x00\x18ftypheic", "jpeg": "\xff\xd8"} {
		b.Run(name, func(b *testing.B) {
			took := func(size int) float64 {
				s := memory{}
				if _, err := s.Create(b.Context(), "a.x", strings.NewReader(start+strings.Repeat("ispe", size/4))); err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				for range 100 {
					if _, err := media.NewImager(0).Process(b.Context(), s, "a.x", media.Order{}); err != nil {
						b.Fatal(err)
					}
				}
				return time.Since(began).Seconds()
			}
			for b.Loop() {
				b.ReportMetric(took(128<<10)/took(64<<10), "ratio")
			}
		})
	}
}
