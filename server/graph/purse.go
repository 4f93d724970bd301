package graph

import (
	"context"
	"sync/atomic"

	abstractions "github.com/microsoft/kiota-abstractions-go"
)

// What one bulk question may cost: a thousand addresses that nobody has take four rounds of
// 67 parts, most of which cost a unit.
const (
	maxUnits    = 300
	maxRequests = 60
)

// purse is what a bulk question may still spend. Its methods may be called concurrently.
type purse struct{ units, requests atomic.Int32 }

func newPurse() *purse {
	p := &purse{}
	p.units.Store(maxUnits)
	p.requests.Store(maxRequests)
	return p
}

// pay takes a price out, if there is as much. What Graph refuses has its price, too.
func (p *purse) pay(price int) bool {
	if p.units.Add(int32(-price)) >= 0 {
		return true
	}
	p.refund(price)
	return false
}

// refund is for what was not asked after all.
func (p *purse) refund(price int) { p.units.Add(int32(price)) }

// counted counts a request each time it is made, and has it not be made once there were
// enough.
func (p *purse) counted(make request) request {
	return func(ctx context.Context) (*abstractions.RequestInformation, error) {
		if p.requests.Add(-1) < 0 {
			p.requests.Add(1)
			return nil, errTooDear
		}
		return make(ctx)
	}
}
