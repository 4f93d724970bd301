package sourcetest_test

import (
	"testing"

	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
)

func TestMemory(t *testing.T) {
	sourcetest.Run(t, func(*testing.T) sourcetest.Tenant {
		m := &sourcetest.Memory{}
		return sourcetest.Tenant{Source: m, Put: m.Put, Remove: m.Remove, LoseTokens: m.LoseTokens}
	})
}
