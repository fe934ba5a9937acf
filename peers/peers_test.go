package peers

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	Main()
	if os.Getenv("GOLEAK") != "off" {
		goleak.VerifyTestMain(m)
	}
	os.Exit(m.Run())
}
