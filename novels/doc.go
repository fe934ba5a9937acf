// Package novels is the corpus: five generated texts, with the sizes and the
// encodings of the original work's five books, and larger and nastier files for
// tests.
//
//	no  file                bytes      encoding
//	1   Atlas Shrugged.txt  3,243,971  UTF-8 with multi-byte punctuation
//	2   Don Quixote.txt     2,347,572  UTF-8 with a byte-order mark
//	3   Shogun.txt          2,600,000  plain ASCII
//	4   The Stand.txt       2,672,192  ISO-8859-1, and not valid UTF-8
//	5   War and Peace.txt   3,293,530  UTF-8 with a byte-order mark
//
// No sentence of the books is in them. A small grammar over a small list of
// words makes chapters, paragraphs and lines from a fixed seed, so the bytes are
// the same on every machine; SHA256SUMS, beside this file, is the proof, and
// `sha256sum -c` reads it.
package novels
