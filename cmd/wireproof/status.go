package main

import (
	"errors"
	"fmt"

	"github.com/wireproof/wireproof/harness/flow"
	"github.com/wireproof/wireproof/scenarios"
)

// The exit statuses.
const (
	statusPass         = 0
	statusFail         = 1
	statusUsage        = 2 // wrong usage, or a machine that cannot
	statusInconclusive = 3
)

// exit is an error that ends the program with a status, and says something only where it has a cause.
type exit struct {
	status int
	cause  error
}

func (e *exit) Error() string {
	if e.cause == nil {
		return ""
	}
	return e.cause.Error()
}

func (e *exit) Unwrap() error { return e.cause }

// usage is an error of the user's: exit status 2.
func usage(format string, a ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{scenarios.ErrUsage}, a...)...)
}

// failed is an error of the work itself: exit status 1.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exit{status: statusFail, cause: err}
}

// verdict turns a verdict into an exit status; the verdict itself has been printed already.
func verdict(v flow.Verdict) error {
	switch v {
	case flow.Pass:
		return nil
	case flow.Fail:
		return &exit{status: statusFail}
	}
	return &exit{status: statusInconclusive}
}

// status is what the program ends with. An error of no other kind means that the machine or the user's input cannot.
func status(err error) int {
	var e *exit
	switch {
	case err == nil:
		return statusPass
	case errors.As(err, &e):
		return e.status
	}
	return statusUsage
}
