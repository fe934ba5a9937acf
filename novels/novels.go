package novels

import (
	_ "embed"
	"fmt"
	"strings"
)

// Novel is one text of the corpus.
type Novel struct {
	Number   int    // 1 to 5, as the original menu numbers them
	Title    string // for people
	File     string // its name in FS and on disk
	Size     int64  // bytes
	SHA256   string // of its bytes, 64 lower-case hexadecimal digits
	Encoding string // for people: what is peculiar about its bytes
}

// manifest is the digests in the form of coreutils' sha256sum.
//
//go:embed SHA256SUMS
var manifest string

// recipe is a novel and what its text is made from.
type recipe struct {
	Novel
	seed  uint64
	style style
}

var recipes = withDigests([]recipe{
	{Novel{1, "Atlas Shrugged", "Atlas Shrugged.txt", 3_243_971, "", "UTF-8 with multi-byte punctuation"}, 1957, typographic},
	{Novel{2, "Don Quixote", "Don Quixote.txt", 2_347_572, "", "UTF-8 with a byte-order mark"}, 1605, marked},
	{Novel{3, "Shogun", "Shogun.txt", 2_600_000, "", "plain ASCII"}, 1975, plain},
	{Novel{4, "The Stand", "The Stand.txt", 2_672_192, "", "ISO-8859-1: not valid UTF-8"}, 1978, latin1},
	{Novel{5, "War and Peace", "War and Peace.txt", 3_293_530, "", "UTF-8 with a byte-order mark"}, 1869, marked},
})

// withDigests adds the manifest's digests. A line is 64 digits, two spaces and
// the name; a test holds the manifest to the texts.
func withDigests(rs []recipe) []recipe {
	for line := range strings.Lines(manifest) {
		digest, file, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		for i := range rs {
			if rs[i].File == file {
				rs[i].SHA256 = digest
			}
		}
	}
	return rs
}

// All returns the five novels in the order of their numbers. The slice is the
// caller's.
func All() []Novel {
	all := make([]Novel, len(recipes))
	for i, r := range recipes {
		all[i] = r.Novel
	}
	return all
}

// ByNumber returns a novel by its number in the original menu, from 1 on. The
// error for any other number says which exist.
func ByNumber(n int) (Novel, error) {
	if n >= 1 && n <= len(recipes) {
		return recipes[n-1].Novel, nil
	}
	var exist []string
	for _, r := range recipes {
		exist = append(exist, fmt.Sprintf("%d %s", r.Number, r.Title))
	}
	return Novel{}, fmt.Errorf("novel %d does not exist: choose one of %s", n, strings.Join(exist, ", "))
}
