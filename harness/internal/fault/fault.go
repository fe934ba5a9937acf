// Package fault lets tests make the harness's own operations fail, one after the other, to see that each failure is
// reported and undone. Outside tests it does nothing but one atomic load for each operation.
package fault

import "sync/atomic"

var hook atomic.Pointer[func(op string) error]

// Check is called before the operation op; an error is to be treated as if the operation itself had returned it.
func Check(op string) error {
	if f := hook.Load(); f != nil {
		return (*f)(op)
	}
	return nil
}

// Set installs f, which may be called from several goroutines at once, and returns what removes it again. For the whole
// process: tests that use it do not run in parallel with others.
func Set(f func(op string) error) (remove func()) {
	hook.Store(&f)
	return func() { hook.Store(nil) }
}
