package contacts

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain looks for goroutines that outlive their store.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
