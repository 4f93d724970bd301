package insights

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// TestUpdatesAreCut has an update that is larger than a message may be.
func TestUpdatesAreCut(t *testing.T) {
	var update cache.Update
	for i := range 1000 {
		answer := cache.Answer{Profile: &pb.Profile{DisplayName: strings.Repeat("Example ", 500)}}
		if i%3 == 0 {
			answer = cache.Answer{Err: cache.ErrNotFound}
		}
		update.People = append(update.People, cache.WatchedAnswer{Index: i, Answer: answer})
	}
	update.Freshness, update.Resumed = &pb.Freshness{Revision: 7, Epoch: "e"}, true
	messages := messagesOf(update, nil, nil)
	next := int32(0)
	for i, m := range messages {
		last := i == len(messages)-1
		if size := proto.Size(m); size > 32<<10 || !last && size < 27<<10 {
			t.Errorf("message %d of %d takes %d bytes", i, len(messages), size)
		}
		if (m.Freshness != nil) != last || !m.Resumed {
			t.Errorf("message %d of %d has freshness %v, resumed %v", i, len(messages), m.Freshness, m.Resumed)
		}
		for _, p := range m.People {
			if p.Index != next || (p.GetProblem() != nil) != (next%3 == 0) {
				t.Fatalf("the person at %d comes as %d, with problem %v", next, p.Index, p.GetProblem())
			}
			next++
		}
	}
	if len(messages) < 2 || next != 1000 {
		t.Errorf("%d people come in %d messages", next, len(messages))
	}
}

// TestAnUpdateOfNobodyIsAMessage has nothing but the freshness change.
func TestAnUpdateOfNobodyIsAMessage(t *testing.T) {
	messages := messagesOf(cache.Update{Freshness: &pb.Freshness{Stale: true}}, nil, nil)
	if len(messages) != 1 || !messages[0].GetFreshness().GetStale() || len(messages[0].People) != 0 {
		t.Errorf("an update of nobody = %v", messages)
	}
}

// TestUpdatesAreMasked has a read mask.
func TestUpdatesAreMasked(t *testing.T) {
	var bad invalid
	limited := bad.plainMask("read_mask", &fieldmaskpb.FieldMask{Paths: []string{"display_name"}})
	messages := messagesOf(cache.Update{People: []cache.WatchedAnswer{{Answer: cache.Answer{Profile: &pb.Profile{Id: "1", DisplayName: "Ana Example"}}}}}, limited, nil)
	if want := (&pb.Profile{DisplayName: "Ana Example"}); !proto.Equal(messages[0].People[0].GetProfile(), want) {
		t.Errorf("a masked profile = %v, want %v", messages[0].People[0].GetProfile(), want)
	}
}
