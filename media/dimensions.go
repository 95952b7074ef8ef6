package media

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// heicBrands are the brands of files that hold pictures and no video.
var heicBrands = []string{"heic", "heix", "heim", "heis", "mif1", "avif"}

// bitmapHeads are the possible lengths of a bitmap's header; other files begin
// with BM too.
var bitmapHeads = []uint32{12, 16, 40, 52, 56, 64, 108, 124}

// maxHead is how many bytes of a picture are read to find its dimensions.
const maxHead = 256 << 10

// dimensions reads the width and height from the header of a picture that no
// decoder here supports: icons, packed or old bitmaps, rare kinds of JPEG,
// TIFF, HEIC and WebP. It returns false for anything else.
func dimensions(r io.ReadSeeker) (header, bool) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return header{}, false
	}
	head, err := io.ReadAll(io.LimitReader(r, maxHead))
	if err != nil {
		return header{}, false
	}
	h := header{meta: NoMeta()}
	switch {
	case bytes.HasPrefix(head, []byte("BM")):
		h.format = "bmp"
		h.width, h.height = sizeOfBitmap(head)
	case bytes.HasPrefix(head, []byte{0, 0, 1, 0}):
		h.format = "ico"
		h.width, h.height = sizeOfIcon(head)
	case bytes.HasPrefix(head, []byte{0xff, 0xd8}):
		h.format = "jpeg"
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return header{}, false
		}
		j, _ := readJPEG(bufio.NewReader(r)) // use what was read before an error
		h.width, h.height, h.meta = j.width, j.height, j.meta
	case bytes.HasPrefix(head, []byte("II*\x00")):
		h.format = "tiff"
		h.width, h.height = sizeOfTIFF(r, binary.LittleEndian)
	case bytes.HasPrefix(head, []byte("MM\x00*")):
		h.format = "tiff"
		h.width, h.height = sizeOfTIFF(r, binary.BigEndian)
	case len(head) > 12 && string(head[4:8]) == "ftyp" && slices.Contains(heicBrands, string(head[8:12])):
		h.format = "heic"
		h.width, h.height = sizeOfHEIC(head)
	case len(head) >= 30 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		h.format = "webp"
		h.width, h.height = sizeOfWebP(head)
	}
	return h, h.width > 0 && h.height > 0
}

// sizeOfBitmap reads the header of a BMP file: BITMAPCOREHEADER of 12 bytes, or
// BITMAPINFOHEADER and its successors, in which a negative height means that
// the rows go from top to bottom.
func sizeOfBitmap(head []byte) (int, int) {
	if len(head) < 26 {
		return 0, 0
	}
	little := binary.LittleEndian
	length := little.Uint32(head[14:])
	if !slices.Contains(bitmapHeads, length) {
		return 0, 0
	}
	if length == 12 {
		return int(little.Uint16(head[18:])), int(little.Uint16(head[20:]))
	}
	width, height := int32(little.Uint32(head[18:])), int32(little.Uint32(head[22:]))
	if width == math.MinInt32 || height == math.MinInt32 {
		return 0, 0
	}
	return int(max(width, -width)), int(max(height, -height))
}

// maxIcons is the largest number of pictures in an icon.
const maxIcons = 256

// sizeOfIcon reads the entries of an icon. Like getimagesize, it returns the
// size of the picture with the most colours, and of these the largest. In an
// entry 0 stands for 256.
func sizeOfIcon(head []byte) (width, height int) {
	if len(head) < 6 {
		return 0, 0
	}
	count := int(binary.LittleEndian.Uint16(head[4:]))
	if count > maxIcons {
		return 0, 0
	}
	best := -1
	for i := 0; i < count && 6+16*(i+1) <= len(head); i++ {
		entry := head[6+16*i:]
		if entry[3] != 0 { // reserved
			return 0, 0
		}
		w, h, depth := int(entry[0]), int(entry[1]), int(binary.LittleEndian.Uint16(entry[6:]))
		if w == 0 {
			w = 256
		}
		if h == 0 {
			h = 256
		}
		if score := depth<<20 + w*h; score > best {
			best, width, height = score, w, h
		}
	}
	return width, height
}

// sizeOfTIFF reads ImageWidth (256) and ImageLength (257) of the first
// directory (TIFF 6.0, section 2).
func sizeOfTIFF(r io.ReadSeeker, order binary.ByteOrder) (width, height int) {
	var start [8]byte
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return 0, 0
	}
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return 0, 0
	}
	if _, err := r.Seek(int64(order.Uint32(start[4:])), io.SeekStart); err != nil {
		return 0, 0
	}
	var number [2]byte
	if _, err := io.ReadFull(r, number[:]); err != nil {
		return 0, 0
	}
	entries, err := io.ReadAll(io.LimitReader(r, 12*int64(order.Uint16(number[:]))))
	if err != nil {
		return 0, 0
	}
	for ; len(entries) >= 12; entries = entries[12:] {
		value := int(order.Uint16(entries[8:]))
		if order.Uint16(entries[2:]) == 4 { // LONG
			value = int(order.Uint32(entries[8:]) & math.MaxInt32)
		}
		switch order.Uint16(entries) {
		case 256:
			width = value
		case 257:
			height = value
		}
	}
	return width, height
}

// sizeOfHEIC finds the boxes ispe (ISO/IEC 23008-12, 6.5.3) and returns the
// largest size: smaller ones belong to tiles and previews.
func sizeOfHEIC(head []byte) (width, height int) {
	for at := 0; ; {
		i := bytes.Index(head[at:], []byte("ispe"))
		if i < 0 || len(head) < at+i+16 {
			return width, height
		}
		at += i + 4
		w, h := int64(binary.BigEndian.Uint32(head[at+4:])), int64(binary.BigEndian.Uint32(head[at+8:]))
		if w < 1<<20 && h < 1<<20 && w*h > int64(width)*int64(height) {
			width, height = int(w), int(h)
		}
	}
}

// sizeOfWebP reads the canvas of an extended file (VP8X), such as an animation,
// or the frame of a lossy or lossless one.
func sizeOfWebP(head []byte) (int, int) {
	little := binary.LittleEndian
	switch string(head[12:16]) {
	case "VP8X":
		three := func(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
		return three(head[24:]) + 1, three(head[27:]) + 1
	case "VP8L":
		bits := little.Uint32(head[21:])
		return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1
	case "VP8 ":
		return int(little.Uint16(head[26:]) & 0x3fff), int(little.Uint16(head[28:]) & 0x3fff)
	}
	return 0, 0
}
