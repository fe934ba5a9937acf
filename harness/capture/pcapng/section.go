package pcapng

// Section describes the file as a whole. Empty fields are left out.
type Section struct {
	Hardware    string // the machine, "x86_64"
	OS          string // the operating system, "Linux 6.18.44"
	Application string // the program that writes
	Comment     string // free text; Wireshark shows it as the capture comment
}

// AppendSection appends the section header block of s. The length of the
// section is left unspecified, so the file can be written to a pipe.
func AppendSection(b []byte, s Section) []byte {
	b, start := openBlock(b, blockSection)
	b = le.AppendUint32(b, byteOrderMagic)
	b = le.AppendUint16(b, 1) // version 1.0
	b = le.AppendUint16(b, 0)
	b = le.AppendUint64(b, ^uint64(0))
	o := len(b)
	b = appendText(b, optComment, s.Comment)
	b = appendText(b, optSectionHardware, s.Hardware)
	b = appendText(b, optSectionOS, s.OS)
	b = appendText(b, optSectionApplication, s.Application)
	return closeBlock(endOptions(b, o), start)
}
