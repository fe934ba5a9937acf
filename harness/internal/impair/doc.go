// Package impair decides what happens to wire packet number i of one direction
// of a link: whether it is lost, doubled, damaged, late or early.
//
// Every choice by chance is a function of a key and the packet's index, and of
// nothing else: not of the time, not of what was drawn before. So a run can be
// repeated, a loss can be predicted before it happens, and engines that share
// nothing but the formula lose the same packets:
//
//	hash(key, i) = splitmix64(key + (i+1)*0x9e3779b97f4a7c15)
//	hit          = hash(key, i) >> 32 < threshold        threshold = p * 2^32
//
// splitmix64 is the output function of the generator in Steele, Lea, Flood, "Fast
// Splittable Pseudorandom Number Generators", OOPSLA 2014: some shifts and two
// multiplications in 64 bits, which a BPF program can do as well. Each
// impairment of each direction of each link has a key of its own (Key), so that
// jitter added to a link does not move its losses.
//
// The package is pure: it sends nothing, and reads no clock.
package impair
