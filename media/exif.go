package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Meta is the metadata that a camera or an editor wrote into a picture, in the
// form in which WordPress reports it: every value is text, and an unknown one
// is "0" or "".
type Meta struct {
	Aperture     string   `json:"aperture"`
	Credit       string   `json:"credit"`
	Camera       string   `json:"camera"`
	Caption      string   `json:"caption"`
	Created      string   `json:"created_timestamp"` // seconds since 1970 by the camera's clock, as if it were UTC
	Copyright    string   `json:"copyright"`
	FocalLength  string   `json:"focal_length"` // millimetres
	ISO          string   `json:"iso"`
	ShutterSpeed string   `json:"shutter_speed"` // seconds
	Title        string   `json:"title"`
	Orientation  string   `json:"orientation"` // 1 to 8 as in EXIF
	Keywords     []string `json:"keywords"`
}

// NoMeta returns the Meta of a picture without metadata.
func NoMeta() Meta {
	return Meta{Aperture: "0", Created: "0", FocalLength: "0", ISO: "0", ShutterSpeed: "0", Orientation: "0", Keywords: []string{}}
}

func (m Meta) orientation() int {
	n, err := strconv.Atoi(m.Orientation)
	if err != nil || n < 1 || n > 8 {
		return 1
	}
	return n
}

// maxText is the largest size of a text from a picture in bytes, maxKeywords
// the largest number of keywords.
const (
	maxText     = 4096
	maxKeywords = 100
)

// jpegHeader is the part of a JPEG file before the picture data.
type jpegHeader struct {
	meta        Meta
	progressive bool
	// width and height are those of the frame, in pixels, or 0 without one.
	width, height int
	// samples is the number of samples in each 64 pixels, over all components.
	samples int
}

// readJPEG reads the segments before the picture data (ITU-T T.81 annex B):
// EXIF in APP1, IPTC in APP13, the frame in SOF. It skips what it cannot parse.
func readJPEG(r io.Reader) (jpegHeader, error) {
	h := jpegHeader{meta: NoMeta()}
	var start [2]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return h, err
	}
	if start != [2]byte{0xff, 0xd8} {
		return h, errors.New("not a JPEG file")
	}
	var exif exifValues
	var iptc []byte
	for {
		marker, data, err := segment(r)
		if err != nil {
			return h, err
		}
		switch {
		case marker == 0xda || marker == 0xd9: // the picture data begins, or the file ends
			h.meta.fillIPTC(iptc)
			h.meta.fillEXIF(exif)
			return h, nil
		case marker == 0xe1 && exif == nil && bytes.HasPrefix(data, []byte("Exif\x00\x00")):
			exif = parseEXIF(data[6:])
		case marker == 0xed && iptc == nil && bytes.HasPrefix(data, []byte("Photoshop 3.0\x00")):
			iptc = findIPTC(data[14:])
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			h.progressive = marker == 0xc2
			h.samples = samplesOf(data)
			if len(data) >= 5 {
				h.height, h.width = int(binary.BigEndian.Uint16(data[1:])), int(binary.BigEndian.Uint16(data[3:]))
			}
		}
	}
}

// segment reads one segment. Like libjpeg, it skips anything before the marker.
// Markers without a length do not occur where it is called.
func segment(r io.Reader) (marker byte, data []byte, err error) {
	var b [2]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, nil, err
	}
	for b[0] != 0xff || b[1] == 0xff || b[1] == 0 {
		b[0] = b[1]
		if _, err := io.ReadFull(r, b[1:]); err != nil {
			return 0, nil, err
		}
	}
	marker = b[1]
	if marker == 0xd9 || marker == 0xda {
		return marker, nil, nil
	}
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, nil, err
	}
	length := int(binary.BigEndian.Uint16(b[:]))
	if length < 2 {
		return 0, nil, errors.New("JPEG segment without a length")
	}
	data = make([]byte, length-2)
	_, err = io.ReadFull(r, data)
	return marker, data, err
}

// samplesOf reads the sampling factors of a frame header: with 4:2:0 a block of
// 64 pixels has 96 samples.
func samplesOf(frame []byte) int {
	const unknown = 64 * 4
	if len(frame) < 6 || len(frame) < 6+3*int(frame[5]) || frame[5] == 0 {
		return unknown
	}
	total, largest := 0, 0
	for i := range int(frame[5]) {
		factor := frame[6+3*i+1]
		n := int(factor>>4) * int(factor&15)
		total, largest = total+n, max(largest, n)
	}
	if largest == 0 {
		return unknown
	}
	return (64*total + largest - 1) / largest
}

// exifValues are the fields of a picture's first directory and of its EXIF
// directory.
type exifValues map[uint16]exifValue

type exifValue struct {
	kind  uint16
	data  []byte
	order binary.ByteOrder
}

// The EXIF tags that are used.
const (
	tagDescription  = 0x010e
	tagModel        = 0x0110
	tagOrientation  = 0x0112
	tagArtist       = 0x013b
	tagCopyright    = 0x8298
	tagExposureTime = 0x829a
	tagFNumber      = 0x829d
	tagEXIF         = 0x8769
	tagISO          = 0x8827
	tagDigitized    = 0x9004
	tagFocalLength  = 0x920a
	tagUserComment  = 0x9286
)

// parseEXIF reads a TIFF structure (TIFF 6.0 section 2, EXIF 2.3 section 4.6):
//
//	II or MM, 42, offset of the first directory
//	directory: count, count entries of 12 bytes (tag, type, number, value or its offset), offset of the next
func parseEXIF(b []byte) exifValues {
	if len(b) < 8 {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(b[:2]) {
	case "II":
	case "MM":
		order = binary.BigEndian
	default:
		return nil
	}
	if order.Uint16(b[2:]) != 42 {
		return nil
	}
	values := exifValues{}
	readDirectory(b, order, order.Uint32(b[4:]), values)
	if sub, ok := values[tagEXIF]; ok && len(sub.data) == 4 {
		readDirectory(b, order, order.Uint32(sub.data), values)
	}
	return values
}

func readDirectory(b []byte, order binary.ByteOrder, offset uint32, values exifValues) {
	if uint64(offset)+2 > uint64(len(b)) {
		return
	}
	count := int(order.Uint16(b[offset:]))
	entries := b[offset+2:]
	for i := range count {
		if len(entries) < 12*(i+1) {
			return
		}
		e := entries[12*i : 12*i+12]
		tag, kind, number := order.Uint16(e), order.Uint16(e[2:]), uint64(order.Uint32(e[4:]))
		size := number * uint64(widthOf(kind))
		data := e[8:12]
		if size > 4 {
			from := uint64(order.Uint32(e[8:]))
			if from+size > uint64(len(b)) {
				continue
			}
			data = b[from:]
		}
		if _, ok := values[tag]; !ok && size > 0 {
			values[tag] = exifValue{kind, data[:size], order}
		}
	}
}

// widthOf returns the size in bytes of one value of a TIFF type, or 0 for
// unused types.
func widthOf(kind uint16) int {
	switch kind {
	case 1, 2, 6, 7: // byte, text
		return 1
	case 3, 8: // short
		return 2
	case 4, 9, 11: // long
		return 4
	case 5, 10, 12: // fraction
		return 8
	}
	return 0
}

func (v exifValue) text() string {
	if v.kind != 2 {
		return ""
	}
	s, _, _ := bytes.Cut(v.data, []byte{0})
	return tidy(s)
}

func (v exifValue) integer() (int64, bool) {
	switch {
	case v.kind == 3 && len(v.data) >= 2:
		return int64(v.order.Uint16(v.data)), true
	case v.kind == 4 && len(v.data) >= 4:
		return int64(v.order.Uint32(v.data)), true
	}
	return 0, false
}

func (v exifValue) fraction() (float64, bool) {
	if v.kind != 5 || len(v.data) < 8 {
		return 0, false
	}
	over, under := v.order.Uint32(v.data), v.order.Uint32(v.data[4:])
	if under == 0 {
		return 0, false
	}
	return float64(over) / float64(under), true
}

// userComment returns the text after the eight bytes that name its character
// set.
func (v exifValue) userComment() string {
	if v.kind != 7 || len(v.data) < 8 || !bytes.HasPrefix(v.data, []byte("ASCII")) {
		return ""
	}
	s, _, _ := bytes.Cut(v.data[8:], []byte{0})
	return tidy(s)
}

// decimal formats a number with at most 14 digits, as PHP does.
func decimal(f float64) string { return strconv.FormatFloat(roundTo(f, 14), 'f', -1, 64) }

func roundTo(f float64, digits int) float64 {
	g, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', digits, 64), 64)
	if err != nil {
		return f
	}
	return g
}

func (m *Meta) fillEXIF(v exifValues) {
	description := v[tagDescription].text()
	if m.Title == "" && len(description) < 80 {
		m.Title = description
	}
	first(&m.Caption, v[tagUserComment].userComment(), description)
	first(&m.Credit, v[tagArtist].text())
	first(&m.Copyright, v[tagCopyright].text())
	first(&m.Camera, v[tagModel].text())
	if f, ok := v[tagFNumber].fraction(); ok {
		m.Aperture = strconv.FormatFloat(float64(round(f*100))/100, 'f', -1, 64)
	}
	if f, ok := v[tagFocalLength].fraction(); ok {
		m.FocalLength = decimal(f)
	}
	if f, ok := v[tagExposureTime].fraction(); ok {
		m.ShutterSpeed = decimal(f)
	}
	if n, ok := v[tagISO].integer(); ok {
		m.ISO = strconv.FormatInt(n, 10)
	}
	if n, ok := v[tagOrientation].integer(); ok {
		m.Orientation = strconv.FormatInt(n, 10)
	}
	if t, err := time.Parse("2006:01:02 15:04:05", v[tagDigitized].text()); err == nil && m.Created == "0" {
		m.Created = strconv.FormatInt(t.Unix(), 10)
	}
}

// first sets into to the first non-empty text, unless it is already set.
func first(into *string, texts ...string) {
	for _, t := range texts {
		if *into == "" {
			*into = t
		}
	}
}

// findIPTC finds the IPTC record among Photoshop's resources: "8BIM", id, name,
// length, data, each part padded to an even length.
func findIPTC(b []byte) []byte {
	for len(b) >= 12 && string(b[:4]) == "8BIM" {
		id := binary.BigEndian.Uint16(b[4:])
		name := (int(b[6]) + 2) &^ 1
		if len(b) < 6+name+4 {
			return nil
		}
		size := uint64(binary.BigEndian.Uint32(b[6+name:]))
		b = b[6+name+4:]
		if size > uint64(len(b)) {
			return nil
		}
		if id == 0x0404 {
			return b[:size]
		}
		b = b[min(uint64(len(b)), (size+1)&^1):]
	}
	return nil
}

// fillIPTC reads data sets of record 2 (IPTC-IIM 4.2): 0x1c, record, data set,
// length, text.
func (m *Meta) fillIPTC(b []byte) {
	sets := map[byte]string{}
	for len(b) >= 5 && b[0] == 0x1c {
		record, set, size := b[1], b[2], int(binary.BigEndian.Uint16(b[3:]))
		if size > len(b)-5 { // also the extended lengths, whose highest bit is set
			break
		}
		text := tidy(b[5 : 5+size])
		b = b[5+size:]
		switch {
		case record != 2 || text == "":
		case set == 25:
			if len(m.Keywords) < maxKeywords {
				m.Keywords = append(m.Keywords, text)
			}
		case sets[set] == "":
			sets[set] = text
		}
	}
	first(&m.Title, sets[105], sets[5])
	first(&m.Caption, sets[120])
	first(&m.Credit, sets[110], sets[80])
	first(&m.Copyright, sets[116])
	if len(sets[60]) >= 6 {
		if t, err := time.Parse("20060102150405", sets[55]+sets[60][:6]); err == nil {
			m.Created = strconv.FormatInt(t.Unix(), 10)
		}
	}
}

// tidy converts bytes that should be UTF-8, but may be Latin-1, to text without
// control characters.
func tidy(b []byte) string {
	if len(b) > maxText {
		b = b[:maxText]
		for i := 0; i < utf8.UTFMax && len(b) > 0 && !utf8.RuneStart(b[len(b)-1]); i++ {
			b = b[:len(b)-1]
		}
		b = b[:len(b)-1] // the first byte of a character that may have been cut off
	}
	s := string(b)
	if !utf8.Valid(b) {
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		s = string(runes)
	}
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' && c != '\t' || c == utf8.RuneError {
			return -1
		}
		return c
	}, s))
}
