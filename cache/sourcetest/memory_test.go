package sourcetest_test

import (
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
)

func TestMemory(t *testing.T) {
	sourcetest.Run(t, func(*testing.T) sourcetest.Tenant {
		m := &sourcetest.Memory{}
		return sourcetest.Tenant{
			Source: m, Put: m.Put, Remove: m.Remove, RemoveGroup: m.RemoveGroup, LoseTokens: m.LoseTokens,
			PutContact: m.PutContact, RemoveContact: m.RemoveContact, PutRich: m.PutRich, PutPhoto: m.PutPhoto,
			PutGroup: func(g cache.Group, _ ...string) { m.PutGroup(g) },
		}
	})
}
