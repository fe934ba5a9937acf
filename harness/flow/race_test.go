//go:build race

package flow

// A program built with the race detector dies as the guest's process 1.
func init() { raceDetector = true }
