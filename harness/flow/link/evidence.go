package link

// Evidence is what two captures say of one direction of a link. Where no unit is named, figures count
// packets that count; see the package comment.
type Evidence struct {
	Name string `json:"name"`

	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"` // of those sent, those that arrived, whole or corrupted, each once
	Lost     uint64 `json:"lost"`     // Sent less Received
	// Unsettled are those of Lost that were sent so shortly before the captures ended that, by the
	// longest delay seen, they could have been on their way still.
	Unsettled uint64 `json:"unsettled,omitempty"`
	// LostIndices are the numbers of the packets lost, in order, the first MaxLost of them.
	LostIndices []uint64 `json:"lost_indices,omitempty"`
	Duplicated  uint64   `json:"duplicated"` // copies that arrived beyond the first
	// Reordered are packets that arrived behind one that was sent after them (RFC 4737, section 3).
	Reordered uint64 `json:"reordered"`

	// Corrupted are packets that arrived with other bytes than they were sent with; CorruptedCopies, the same of
	// copies beyond the first.
	Corrupted       uint64 `json:"corrupted"`
	CorruptedCopies uint64 `json:"corrupted_copies,omitempty"`
	Early           uint64 `json:"early"` // arrived before they were sent, by the time stamps
	Delay           Delays `json:"delay"` // of first copies
	// Turnaround is how long after their causes frames left the sending end, where that was measured (Forwarded,
	// Answered): what shows the delay of an engine that acts before the sending capture.
	Turnaround Delays `json:"turnaround,omitzero"`

	SentBytes     uint64 `json:"sent_bytes"`     // of whole frames of packets that count
	ReceivedBytes uint64 `json:"received_bytes"` // the same, duplicates included

	// Of frames that do not count, ARP among them:
	OtherSent       uint64 `json:"other_sent"`
	OtherLost       uint64 `json:"other_lost"`
	OtherDuplicated uint64 `json:"other_duplicated"`

	// Strangers are frames that arrived and are no copy of any that was sent.
	Strangers uint64 `json:"strangers"`

	SentCapture     Side `json:"sent_capture"`
	ReceivedCapture Side `json:"received_capture"`
	// Problems says in sentences why the captures are not the whole truth. None: they are.
	Problems []string `json:"problems,omitempty"`
}

// Side is one of the two captures.
type Side struct {
	Frames     uint64 `json:"frames"`     // in the direction that is looked at
	Dropped    uint64 `json:"dropped"`    // by the capture's own count
	Truncated  uint64 `json:"truncated"`  // frames cut by the snap length
	Undirected uint64 `json:"undirected"` // frames of which it is not said which way they went
	Super      uint64 `json:"super"`      // frames that stand for several packets: segmentation offload was on
	Backwards  uint64 `json:"backwards"`  // frames older than the one before them
	CutShort   bool   `json:"cut_short"`  // the capture breaks off
}

// Complete reports whether the captures show all that happened between them.
func (e *Evidence) Complete() bool { return len(e.Problems) == 0 }
