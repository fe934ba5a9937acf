package capture

import (
	"crypto/rand"
	"encoding/binary"
)

// A marker is an Ethernet frame of 60 bytes, the shortest there is:
//
//	 0  01:80:c2:00:00:0e   destination: bridges do not forward it
//	 6  address of the interface it leaves
//	12  0x88b5              EtherType: local experimental 1
//	14  "wireprf1"          magic
//	22  16 random bytes     which barrier
//	38  sequence            which marker of it, 32 bits, big endian
//	42  zeros
const (
	markerLen       = 60
	markerTypeAt    = 12
	markerMagicAt   = 14
	markerBarrierAt = 22
	markerNumberAt  = 38
	markerMagic     = "wireprf1"
	markerEtherType = 0x88b5
)

var markerDestination = [6]byte{0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e}

// barrierID tells the markers of one barrier from all others.
type barrierID [16]byte

func newBarrierID() (id barrierID) {
	rand.Read(id[:]) // never fails: crypto/rand
	return id
}

// putMarker writes a whole marker into b.
func putMarker(b *[markerLen]byte, source [6]byte, id barrierID, number uint32) {
	clear(b[:])
	copy(b[0:], markerDestination[:])
	copy(b[6:], source[:])
	binary.BigEndian.PutUint16(b[markerTypeAt:], markerEtherType)
	copy(b[markerMagicAt:], markerMagic)
	copy(b[markerBarrierAt:], id[:])
	binary.BigEndian.PutUint32(b[markerNumberAt:], number)
}

// isMarker tells whether frame is a marker, of any barrier of any capture.
func isMarker(frame []byte) bool {
	// Most frames differ in the first byte: a unicast address has it even.
	return len(frame) >= markerNumberAt+4 &&
		frame[0] == markerDestination[0] &&
		[6]byte(frame) == markerDestination &&
		binary.BigEndian.Uint16(frame[markerTypeAt:]) == markerEtherType &&
		string(frame[markerMagicAt:markerBarrierAt]) == markerMagic
}

// parseMarker takes a marker apart. The frame must be one.
func parseMarker(frame []byte) (id barrierID, number uint32) {
	copy(id[:], frame[markerBarrierAt:])
	return id, binary.BigEndian.Uint32(frame[markerNumberAt:])
}
