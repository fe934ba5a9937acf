package pcapng

import "encoding/binary"

var le = binary.LittleEndian

// Option codes, section 3.5 and the section of each block.
const (
	optEnd     = 0
	optComment = 1

	optSectionHardware    = 2
	optSectionOS          = 3
	optSectionApplication = 4

	optInterfaceName        = 2
	optInterfaceDescription = 3
	optInterfaceResolution  = 9
	optInterfaceFilter      = 11
	optInterfaceOS          = 12

	optPacketFlags = 2

	optStatisticsStart    = 2
	optStatisticsEnd      = 3
	optStatisticsReceived = 4
	optStatisticsDropped  = 5
)

// MaxText is the longest text an option can hold, in bytes: its length field
// has 16 bits. Longer text is cut at the end of a character.
const MaxText = 65535

// openBlock appends the type and room for the length of a block, and returns
// where the block starts.
func openBlock(b []byte, kind uint32) ([]byte, int) {
	start := len(b)
	b = le.AppendUint32(b, kind)
	return le.AppendUint32(b, 0), start
}

// closeBlock writes the length that openBlock left open, and its twin at the
// end of the block.
func closeBlock(b []byte, start int) []byte {
	n := uint32(len(b) - start + 4)
	le.PutUint32(b[start+4:], n)
	return le.AppendUint32(b, n)
}

// appendOption appends one option, its value padded to 32 bits.
func appendOption(b []byte, code uint16, value []byte) []byte {
	b = le.AppendUint16(b, code)
	b = le.AppendUint16(b, uint16(len(value)))
	return pad(append(b, value...), len(value))
}

// appendText appends text as an option, and nothing when it is empty.
func appendText(b []byte, code uint16, text string) []byte {
	if text == "" {
		return b
	}
	text = cut(text)
	b = le.AppendUint16(b, code)
	b = le.AppendUint16(b, uint16(len(text)))
	return pad(append(b, text...), len(text))
}

// endOptions closes the list of options that began at o: a list without any
// option has no end mark either.
func endOptions(b []byte, o int) []byte {
	if len(b) == o {
		return b
	}
	return le.AppendUint32(b, optEnd)
}

// pad appends what a field of n bytes lacks to a multiple of four.
func pad(b []byte, n int) []byte {
	return append(b, "\x00\x00\x00"[:-n&3]...)
}

// cut shortens text to MaxText without breaking a UTF-8 character in two.
func cut(text string) string {
	if len(text) <= MaxText {
		return text
	}
	n := MaxText
	for n > MaxText-4 && text[n]&0xc0 == 0x80 {
		n--
	}
	return text[:n]
}
