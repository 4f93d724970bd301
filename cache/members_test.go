package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// The members of groups and channels that these tests use.

func memberOf(i int) cache.Member {
	return cache.Member{Kind: cache.MemberPerson, Summary: &pb.ProfileSummary{Id: sourcetest.ID(i), DisplayName: fmt.Sprint("Told ", i)}}
}

func within(i int) cache.Member {
	return cache.Member{Kind: cache.MemberGroup, Summary: &pb.ProfileSummary{Id: groupID(i), DisplayName: fmt.Sprint("Told group ", i)}}
}

func contactMember(i int) cache.Member {
	return cache.Member{Kind: cache.MemberContact, Summary: &pb.ProfileSummary{Id: sourcetest.SomeContact(i).ID, DisplayName: fmt.Sprint("Contact ", i), Email: fmt.Sprintf("c%d@fabrikam.com", i)}}
}

func bare(kind cache.MemberKind, id string) cache.Member {
	return cache.Member{Kind: kind, Summary: &pb.ProfileSummary{Id: id}}
}

// away is somebody of another organisation, who may have any id.
func away(id, name, address string) cache.Member {
	return cache.Member{Kind: cache.MemberPerson, Summary: &pb.ProfileSummary{Id: id, DisplayName: name, Email: address, TenantId: "fabrikam"}}
}

func groupID(i int) string { return sourcetest.SomeGroup(i).ID }

// open is a group whose members may be shown.
func open(i int) cache.Group {
	g := sourcetest.SomeGroup(i)
	g.Hidden = false
	return g
}

// grouped is people, and groups with members.
func grouped(n int, groups ...[]cache.Member) *sourcetest.Memory {
	m := people(n)
	m.PageSize = 1000
	for i, members := range groups {
		m.PutGroup(open(i))
		m.PutMembers(groupID(i), members...)
	}
	return m
}

// spelled is an answer in short: people, groups with what became of them, and counts.
func spelled(m *cache.Members, err error) string {
	if err != nil {
		for _, known := range []error{cache.ErrNoGroup, cache.ErrNoChannel, cache.ErrHiddenMembers, cache.ErrTooManyMembers, cache.ErrDenied,
			cache.ErrUnavailable, cache.ErrFilling, cache.ErrBusy, context.Canceled, context.DeadlineExceeded} {
			if errors.Is(err, known) {
				return known.Error()
			}
		}
		return err.Error()
	}
	var list []string
	for _, p := range m.People {
		list = append(list, p.DisplayName)
	}
	text := strings.Join(list, ", ")
	for _, g := range m.Groups {
		text += fmt.Sprintf("; %s %s", g.DisplayName, strings.ToLower(strings.TrimPrefix(g.State.String(), "NESTED_GROUP_STATE_")))
	}
	if m.Unreadable > 0 {
		text += fmt.Sprintf("; %d unreadable", m.Unreadable)
	}
	if m.Others > 0 {
		text += fmt.Sprintf("; %d others", m.Others)
	}
	return text
}

func (f fixture) expand(ref cache.Ref, nested bool) string {
	f.t.Helper()
	return spelled(f.ExpandGroup(f.t.Context(), ref, nested))
}

func (f fixture) expectMembers(what string, ref cache.Ref, nested bool, want string) {
	f.t.Helper()
	if got := f.expand(ref, nested); got != want {
		f.t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func (f fixture) expectChannel(what, channel, want string) {
	f.t.Helper()
	if got := spelled(f.ChannelMembers(f.t.Context(), groupID(0), channel)); got != want {
		f.t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func group(i int) cache.Ref { return cache.Ref{ID: groupID(i)} }

// TestExpandGroup has one small tenant for each row: the members of group 0, 1, 2 …, and
// what comes of group 0 without and with nested.
func TestExpandGroup(t *testing.T) {
	hidden := within(2)
	hidden.Hidden = true
	type groups = [][]cache.Member
	for _, row := range []struct {
		what         string
		groups       groups
		refuse       map[int]error
		flat, nested string
	}{
		{"nobody", groups{{}}, nil, "", ""},
		{"people in order, nobody twice", groups{{memberOf(2), memberOf(0), memberOf(1), memberOf(0)}}, nil, "Person A, Person B, Person C", "Person A, Person B, Person C"},
		{"a contact", groups{{memberOf(1), contactMember(0)}}, nil, "Contact 0, Person B", "Contact 0, Person B"},
		{"those who are not held", groups{{memberOf(1), memberOf(7), bare(cache.MemberPerson, "noname"), bare(cache.MemberUnreadable, "x"), bare(cache.MemberUnreadable, "x"),
			bare(cache.MemberOther, "printer"), bare(cache.MemberOther, "printer"), bare(cache.MemberOther, "app")}}, nil,
			"Person B, Told 7; 2 unreadable; 2 others", "Person B, Told 7; 2 unreadable; 2 others"},
		{"who is held is readable", groups{{bare(cache.MemberUnreadable, sourcetest.ID(1))}}, nil, "Person B", "Person B"},
		{"another organisation's id is none of ours", groups{{away(sourcetest.ID(1), "Alien", "a@fabrikam.com"), memberOf(1)}}, nil, "Alien, Person B", "Alien, Person B"},
		{"groups within", groups{{within(1), memberOf(0)}, {memberOf(1), memberOf(0), within(2)}, {memberOf(2)}}, nil,
			"Person A; Group B closed", "Person A, Person B, Person C; Group B opened; Group C opened"},
		{"a circle", groups{{within(1), within(0)}, {within(0), within(1), within(2), memberOf(0)}, {within(1), within(0)}}, nil,
			"; Group B closed", "Person A; Group B opened; Group C opened"},
		{"two ways to a group", groups{{within(1), within(2)}, {within(3)}, {within(3), memberOf(0)}, {memberOf(0), bare(cache.MemberUnreadable, "x")}}, nil,
			"; Group B closed; Group C closed", "Person A; Group B opened; Group C opened; Group D opened; 1 unreadable"},
		{"hidden, as the member says", groups{{hidden, memberOf(0)}, {}, {memberOf(1)}}, nil, "Person A; Group C closed", "Person A; Group C hidden"},
		{"hidden, as the source says", groups{{within(1), memberOf(0)}, {}}, map[int]error{1: cache.ErrHiddenMembers}, "Person A; Group B closed", "Person A; Group B hidden"},
		{"not to be read", groups{{within(1), within(2)}, {}, {memberOf(1)}}, map[int]error{1: cache.ErrDenied}, "; Group B closed; Group C closed", "Person B; Group B unreadable; Group C opened"},
		{"gone", groups{{within(1), within(2)}, {}, {memberOf(1)}}, map[int]error{1: cache.ErrNoGroup}, "; Group B closed; Group C closed", "Person B; Group C opened"},
		{"a group that is not held", groups{{within(9)}}, map[int]error{9: nil}, "; Told group 9 closed", ""},
		{"within, the source fails", groups{{within(1)}, {}}, map[int]error{1: cache.ErrUnavailable}, "; Group B closed", cache.ErrUnavailable.Error()},
		{"within, too many", groups{{within(1)}, {}}, map[int]error{1: cache.ErrTooManyMembers}, "; Group B closed", cache.ErrTooManyMembers.Error()},
		{"itself not to be read", groups{{}}, map[int]error{0: cache.ErrDenied}, cache.ErrDenied.Error(), cache.ErrDenied.Error()},
		{"itself hidden, as the source says", groups{{}}, map[int]error{0: cache.ErrHiddenMembers}, cache.ErrHiddenMembers.Error(), cache.ErrHiddenMembers.Error()},
		{"itself gone by now", groups{{}}, map[int]error{0: cache.ErrNoGroup}, cache.ErrNoGroup.Error(), cache.ErrNoGroup.Error()},
	} {
		t.Run(row.what, func(t *testing.T) {
			source := grouped(3, row.groups...)
			for i, err := range row.refuse {
				source.Refuse(groupID(i), err)
			}
			run(t, cache.Config{}, source, func(f fixture) {
				f.expectMembers("flat", group(0), false, row.flat)
				f.expectMembers("nested", group(0), true, row.nested)
			})
		})
	}
}

// TestWhichGroup is about refs, and what is known of groups by then.
func TestWhichGroup(t *testing.T) {
	source := grouped(2, []cache.Member{memberOf(0)}, []cache.Member{memberOf(1)})
	aliased, other := open(0), open(1)
	aliased.Proxies = []string{"Alias@contoso.com"}
	other.Proxies = []string{"alias@contoso.com", "Group.A@contoso.com"}
	secret := sourcetest.SomeGroup(2)
	secret.Email, secret.Proxies = "secret@contoso.com", nil
	source.PutGroup(aliased)
	source.PutGroup(other)
	source.PutGroup(secret)
	run(t, cache.Config{}, source, func(f fixture) {
		f.expectMembers("by id", group(0), false, "Person A")
		f.expectMembers("by mail, which is a stronger claim", email("group.a@contoso.com"), false, "Person A")
		f.expectMembers("by an alias of two", email("alias@contoso.com"), false, "Person A")
		f.expectMembers("unknown", group(9), false, cache.ErrNoGroup.Error())
		f.expectMembers("a person's address", email("person.a@contoso.com"), false, cache.ErrNoGroup.Error())
		f.expectMembers("no ref", cache.Ref{}, false, cache.ErrNoGroup.Error())
		asked := f.source.Asked("Members")
		f.expectMembers("hidden", email("secret@contoso.com"), true, cache.ErrHiddenMembers.Error())
		if f.source.Asked("Members") != asked {
			t.Error("the source was asked for hidden members")
		}
		aliased.Email, aliased.Proxies = "moved@contoso.com", nil
		f.source.PutGroup(aliased)
		f.pass(interval)
		f.expectMembers("by the new address", email("moved@contoso.com"), false, "Person A")
		f.expectMembers("the alias leads to whom is left", email("alias@contoso.com"), false, "Person B")
		f.expectMembers("so does the old address", email("group.a@contoso.com"), false, "Person B")
		f.source.RemoveGroup(groupID(1))
		f.pass(interval)
		f.expectMembers("of a group that is gone", email("alias@contoso.com"), false, cache.ErrNoGroup.Error())
	})
	for _, row := range []struct {
		feed string
		err  error
		want error
	}{{"Groups", cache.ErrDenied, cache.ErrDenied}, {"Groups", nil, cache.ErrFilling}, {"", nil, cache.ErrFilling}, {"", cache.ErrDenied, cache.ErrDenied}} {
		newSource := func() *sourcetest.Memory {
			source := grouped(1, nil)
			source.Before(func(ctx context.Context, method string) error {
				if method == "Mark"+row.feed {
					if row.err == nil {
						<-ctx.Done()
						return ctx.Err()
					}
					return row.err
				}
				return nil
			})
			return source
		}
		runOver(t, cache.Config{}, newSource, func(f fixture) {
			f.expectMembers("before "+row.feed+" are read", group(0), false, row.want.Error())
			f.expectChannel("before "+row.feed+" are read", "", row.want.Error())
		})
	}
}

// TestHiddenGroupsWithinAreNotAsked has one that is hidden as it is held, and becomes so.
func TestHiddenGroupsWithinAreNotAsked(t *testing.T) {
	source := grouped(2, []cache.Member{within(1), within(2)}, []cache.Member{memberOf(0)}, []cache.Member{memberOf(1)})
	hide := func(i int) {
		g := open(i)
		g.Hidden = true
		source.PutGroup(g)
	}
	hide(2)
	run(t, cache.Config{}, source, func(f fixture) {
		f.expectMembers("one is hidden", group(0), true, "Person A; Group B opened; Group C hidden")
		if n := f.source.Asked("Members"); n != 2 {
			t.Errorf("%d questions, want 2", n)
		}
		hide(1)
		f.pass(interval)
		f.expectMembers("so is the other, who was remembered", group(0), true, "; Group B hidden; Group C hidden")
	})
}

// TestMembersAreRemembered counts the questions.
func TestMembersAreRemembered(t *testing.T) {
	source := grouped(3, []cache.Member{memberOf(0), within(1)}, []cache.Member{memberOf(1)})
	run(t, cache.Config{}, source, func(f fixture) {
		asked := 0
		expect := func(what, want string, questions int) {
			t.Helper()
			f.expectMembers(what, group(0), true, want)
			synctest.Wait() // until it is remembered
			if n := f.source.Asked("Members"); n != asked+questions {
				t.Errorf("%s: %d questions, want %d", what, n-asked, questions)
			}
			asked = f.source.Asked("Members")
		}
		began := time.Now()
		expect("first", "Person A, Person B; Group B opened", 2)
		f.pass(2 * time.Minute)
		expect("again", "Person A, Person B; Group B opened", 0)
		m, err := f.ExpandGroup(f.t.Context(), group(0), true)
		if err != nil || !m.Freshness.AsOfTime.AsTime().Equal(began) || m.Freshness.Revision != f.Status().Freshness.Revision || m.Freshness.Epoch == "" {
			t.Errorf("freshness is %v, %v; want of %v", m.Freshness, err, began)
		}
		if again, _ := f.ExpandGroup(f.t.Context(), group(0), true); again != m {
			t.Error("the same answer was made twice")
		}

		// A person changes: the newest name, without a question.
		renamed := sourcetest.Someone(0)
		renamed.Profile.DisplayName = "Zoe Newname"
		f.source.Put(renamed)
		f.pass(interval)
		expect("renamed", "Person B, Zoe Newname; Group B opened", 0)
		m, _ = f.ExpandGroup(f.t.Context(), group(0), true)
		if m.Freshness.Revision != f.Status().Freshness.Revision {
			t.Errorf("the answer is of revision %d, want %d", m.Freshness.Revision, f.Status().Freshness.Revision)
		}

		// A change of members is told: of one group alone.
		f.source.PutMembers(groupID(1), memberOf(2))
		told := open(1)
		told.MembersChanged = true
		f.source.PutGroup(told)
		f.pass(interval)
		expect("told", "Person C, Zoe Newname; Group B opened", 1)
		if m, err := f.ExpandGroup(f.t.Context(), group(0), true); err != nil || !m.Freshness.AsOfTime.AsTime().Equal(began) {
			t.Errorf("freshness is %v, %v; want of the oldest part, %v", m.Freshness, err, began)
		}
		f.pass(5*time.Minute + time.Second)
		expect("after five minutes", "Person C, Zoe Newname; Group B opened", 2)
		f.source.Remove(sourcetest.ID(2))
		f.pass(interval)
		expect("somebody left the directory", "Told 2, Zoe Newname; Group B opened", 0)
		f.source.PutMembers(groupID(1), memberOf(0)) // of which no change tells
		f.pass(6 * time.Minute)
		expect("five minutes after a change that was not told", "Zoe Newname; Group B opened", 2)

		// One of its parts is read anew while the answer could still be remembered.
		f.pass(6 * time.Minute)
		f.expectMembers("a part", group(1), false, "Zoe Newname")
		f.pass(3 * time.Minute)
		f.expectMembers("all", group(0), true, "Zoe Newname; Group B opened")
		f.source.PutMembers(groupID(1), memberOf(1))
		f.pass(3 * time.Minute)
		f.expectMembers("all, with the part as it is now", group(0), true, "Person B, Zoe Newname; Group B opened")
	})
}

// TestMembersTakeNoMoreThanTheirBudget has one that is too small for anything.
func TestMembersTakeNoMoreThanTheirBudget(t *testing.T) {
	run(t, cache.Config{MemberBytes: 1000}, grouped(2, []cache.Member{memberOf(0), memberOf(1), memberOf(7)}), func(f fixture) {
		for n := range 3 {
			f.expectMembers("read", group(0), false, "Person A, Person B, Told 7")
			synctest.Wait()
			if asked := f.source.Asked("Members"); asked != n+1 {
				t.Errorf("%d questions for %d calls: more is kept than may be", asked, n+1)
			}
		}
	})
}

// asksOf counts how many are inside a source at once, and has them wait.
type asksOf struct {
	mu           sync.Mutex
	inside, most int
	gate         chan struct{}
}

// peak is how many there were at most.
func (a *asksOf) peak() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.most
}

func (a *asksOf) before(ctx context.Context, method string) error {
	if method != "Members" && method != "Channel" {
		return nil
	}
	a.mu.Lock()
	a.inside++
	a.most = max(a.most, a.inside)
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.inside--
	}()
	select {
	case <-a.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestOneQuestionForMembersHoweverManyWait has many callers wait for a group and a channel; some
// leave, the first among them, and the others have their answer.
func TestOneQuestionForMembersHoweverManyWait(t *testing.T) {
	asks := &asksOf{}
	newSource := func() *sourcetest.Memory {
		asks.gate = make(chan struct{})
		source := grouped(2, []cache.Member{memberOf(0)})
		source.PutChannel(groupID(0), "private", cache.Channel{Kind: pb.ChannelKind_CHANNEL_KIND_PRIVATE, Members: []cache.Member{memberOf(1)}})
		source.Before(asks.before)
		return source
	}
	runOver(t, cache.Config{}, newSource, func(f fixture) {
		const callers = 20
		var all sync.WaitGroup
		got := make([]string, 2*callers)
		first, leave := context.WithCancel(f.t.Context())
		call := func(i int) {
			ctx := f.t.Context()
			if i < 2 {
				ctx = first
			}
			all.Go(func() {
				if i%2 == 0 {
					got[i] = spelled(f.ExpandGroup(ctx, group(0), false))
				} else {
					got[i] = spelled(f.ChannelMembers(ctx, groupID(0), "private"))
				}
			})
			synctest.Wait()
		}
		for i := range got {
			call(i)
		}
		leave()
		synctest.Wait()
		if got[0] != context.Canceled.Error() || got[1] != context.Canceled.Error() || got[2] != "" {
			t.Errorf("those who left have %q, another %q", got[:2], got[2])
		}
		close(asks.gate)
		all.Wait()
		for i, text := range got[2:] {
			if want := []string{"Person A", "Person B"}[i%2]; text != want {
				t.Errorf("caller %d has %q, want %q", i+2, text, want)
			}
		}
		if m, c := f.source.Asked("Members"), f.source.Asked("Channel"); m != 1 || c != 1 {
			t.Errorf("%d questions for the group and %d for the channel, want one each", m, c)
		}
	})
}

// TestAQuestionOfAnEarlierGroupIsNobodysAnswer has a change of members told while a
// question is under way: who comes after it has a new question.
func TestAQuestionOfAnEarlierGroupIsNobodysAnswer(t *testing.T) {
	asks := &asksOf{}
	newSource := func() *sourcetest.Memory {
		asks.gate = make(chan struct{})
		source := grouped(2, []cache.Member{memberOf(0)})
		source.Before(asks.before)
		return source
	}
	runOver(t, cache.Config{}, newSource, func(f fixture) {
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() { f.expand(group(0), false) })
			synctest.Wait()
			told := open(0)
			told.MembersChanged = true
			f.source.PutGroup(told)
			if _, err := f.Refresh(f.t.Context(), cache.Refresh{}); err != nil {
				t.Fatal(err)
			}
		}
		close(asks.gate)
		all.Wait()
		if n := f.source.Asked("Members"); n != 2 {
			t.Errorf("%d questions, want 2", n)
		}
		f.expectMembers("after both", group(0), false, "Person A")
		if n := f.source.Asked("Members"); n != 3 {
			t.Errorf("an answer from before the last change was told serves after it")
		}
	})
}

// TestFewQuestionsAtOnce opens many groups; those in line wait within their bounds.
func TestFewQuestionsAtOnce(t *testing.T) {
	asks := &asksOf{}
	newSource := func() *sourcetest.Memory {
		asks.gate = make(chan struct{})
		groups := make([][]cache.Member, 41)
		for i := 1; i < len(groups); i++ {
			groups[0] = append(groups[0], within(i))
			groups[i] = []cache.Member{memberOf(i % 3)}
		}
		source := grouped(3, groups...)
		source.Before(asks.before)
		return source
	}
	runOver(t, cache.Config{MaxLookups: 20}, newSource, func(f fixture) {
		var all sync.WaitGroup
		ended := map[string]int{}
		var mu sync.Mutex
		for i := range 41 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(f.t.Context(), 10*time.Second)
				defer cancel()
				text := spelled(f.ExpandGroup(ctx, group(i), false))
				mu.Lock()
				defer mu.Unlock()
				ended[text]++
			})
		}
		synctest.Wait()
		mu.Lock()
		if ended[cache.ErrBusy.Error()] != 41-20-4 { // 4 are asked, 20 wait
			t.Errorf("at once %v, want 17 to be told that too many are under way", ended)
		}
		mu.Unlock()
		f.pass(10 * time.Second)
		all.Wait()
		if ended[context.DeadlineExceeded.Error()] != 24 {
			t.Errorf("after ten seconds %v, want 24 who left", ended)
		}
		if n := f.source.Asked("Members"); n != 4 || asks.peak() != 4 {
			t.Errorf("%d questions, %d at once, want 4", n, asks.peak())
		}
		f.pass(time.Minute) // the questions' own bound
		close(asks.gate)
		synctest.Wait()
		before := f.source.Asked("Members")
		f.expectMembers("when the source answers", group(0), true, "Person A, Person B, Person C"+opened(f, 40))
		if n := f.source.Asked("Members") - before; n > 41 || asks.peak() > 4 {
			t.Errorf("%d questions for 41 groups, %d at once", n, asks.peak())
		}
	})
}

// opened are the groups from 1 to n as an answer spells them.
func opened(f fixture, n int) string {
	var list []string
	for i := 1; i <= n; i++ {
		list = append(list, fmt.Sprintf("; %s opened", f.Group(groupID(i)).DisplayName))
	}
	slices.Sort(list)
	return strings.Join(list, "")
}

// TestAQuestionHasABoundOfItsOwn has a source that never answers.
func TestAQuestionHasABoundOfItsOwn(t *testing.T) {
	asks := &asksOf{}
	newSource := func() *sourcetest.Memory {
		asks.gate = make(chan struct{})
		source := grouped(1, []cache.Member{memberOf(0)})
		source.Before(asks.before)
		return source
	}
	runOver(t, cache.Config{}, newSource, func(f fixture) {
		began := time.Now()
		f.expectMembers("never answered", group(0), false, cache.ErrUnavailable.Error())
		if waited := time.Since(began); waited != 30*time.Second {
			t.Errorf("a question took %v, want 30s", waited)
		}
		// One who leaves does not end it: it is remembered.
		ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
		defer cancel()
		if got := spelled(f.ExpandGroup(ctx, group(0), false)); got != context.DeadlineExceeded.Error() {
			t.Errorf("who left after a second has %q", got)
		}
		f.pass(time.Second)
		asks.gate <- struct{}{}
		synctest.Wait()
		asked := f.source.Asked("Members")
		f.expectMembers("answered after all left", group(0), false, "Person A")
		if f.source.Asked("Members") != asked {
			t.Error("what was answered after all had left is not remembered")
		}
		// One that is under way ends with the directory, as run waits for.
		told := open(0)
		told.MembersChanged = true
		f.source.PutGroup(told)
		f.pass(interval)
		ctx, cancel = context.WithTimeout(f.t.Context(), time.Second)
		defer cancel()
		_, _ = f.ExpandGroup(ctx, group(0), false)
		began = time.Now()
		f.Close()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the directory took %v to close", waited)
		}
	})
}

// TestExpansionsAreBounded has groups that are too large in each way.
func TestExpansionsAreBounded(t *testing.T) {
	many := func(from, n int) (list []cache.Member) {
		for i := range n {
			list = append(list, memberOf(from+i))
		}
		return list
	}
	chain := func(n int) (groups [][]cache.Member) {
		groups = append(groups, nil)
		for i := 1; i <= n; i++ {
			groups[0] = append(groups[0], within(i))
			groups = append(groups, []cache.Member{memberOf(0)})
		}
		return groups
	}
	for _, row := range []struct {
		what     string
		groups   [][]cache.Member
		tooMany  bool
		ofPeople int
	}{
		{"as many members as may be", [][]cache.Member{many(0, 49_999), many(0, 20_000)}, false, 49_999},
		{"as many with a group", [][]cache.Member{append(many(0, 30_000), within(1)), many(10_000, 39_999)}, false, 49_999},
		{"one more", [][]cache.Member{append(many(0, 30_000), within(1)), many(10_000, 40_000)}, true, 0},
		{"more at once", [][]cache.Member{many(0, 50_001)}, true, 0},
		{"as many groups as may be", chain(500), false, 1},
		{"one group more", chain(501), true, 0},
	} {
		t.Run(row.what, func(t *testing.T) {
			run(t, cache.Config{}, grouped(1, row.groups...), func(f fixture) {
				m, err := f.ExpandGroup(f.t.Context(), group(0), true)
				if errors.Is(err, cache.ErrTooManyMembers) != row.tooMany || !row.tooMany && (err != nil || len(m.People) != row.ofPeople) {
					t.Errorf("ExpandGroup = %v, want too many: %v", err, row.tooMany)
				}
			})
		})
	}
}

// TestMembersInOrder has names that differ in letter case alone, or not at all.
func TestMembersInOrder(t *testing.T) {
	source := people(0)
	var members []cache.Member
	for i, name := range []string{"bea", "Ana", "Bea", "ana", "Bea", "Cleo"} {
		p := sourcetest.Someone(i)
		p.Profile.DisplayName = name
		source.Put(p)
		members = append([]cache.Member{memberOf(i)}, members...)
	}
	source.PutGroup(open(0))
	source.PutMembers(groupID(0), members...)
	run(t, cache.Config{}, source, func(f fixture) {
		m, err := f.ExpandGroup(f.t.Context(), group(0), false)
		got := ""
		for _, p := range m.People {
			got += fmt.Sprint(p.DisplayName, strings.TrimLeft(p.Id[24:], "0"), " ")
		}
		if want := "Ana1 ana3 bea Bea2 Bea4 Cleo5 "; err != nil || got != want {
			t.Errorf("members are %q, want %q", got, want)
		}
	})
}

// TestSummariesOfMembers has what is shown of each kind.
func TestSummariesOfMembers(t *testing.T) {
	source := grouped(1, []cache.Member{memberOf(0), contactMember(1), away("u", "Zed", "z@fabrikam.com")})
	run(t, cache.Config{}, source, func(f fixture) {
		m, err := f.ExpandGroup(f.t.Context(), group(0), false)
		if err != nil || len(m.People) != 3 {
			t.Fatalf("ExpandGroup = %+v, %v", m, err)
		}
		contact, person, alien := m.People[0], m.People[1], m.People[2]
		if contact.UserType != pb.UserType_USER_TYPE_CONTACT || contact.Email != "c1@fabrikam.com" {
			t.Errorf("a contact is shown as %v", contact)
		}
		if person.UserType != pb.UserType_USER_TYPE_MEMBER || person.Department != "Research" || person.Email != "person.a@contoso.com" {
			t.Errorf("a person is shown as %v", person)
		}
		if alien.TenantId != "fabrikam" || alien.Id != "u" {
			t.Errorf("somebody of another organisation is shown as %v", alien)
		}
	})
}

func TestChannelMembers(t *testing.T) {
	channel := func(kind pb.ChannelKind, members ...cache.Member) cache.Channel {
		return cache.Channel{Kind: kind, Members: members}
	}
	const standard, private, shared = pb.ChannelKind_CHANNEL_KIND_STANDARD, pb.ChannelKind_CHANNEL_KIND_PRIVATE, pb.ChannelKind_CHANNEL_KIND_SHARED
	newSource := func() *sourcetest.Memory {
		source := grouped(3, []cache.Member{memberOf(0), memberOf(1), within(1)}, []cache.Member{memberOf(2)})
		source.PutChannel(groupID(0), "general", channel(standard))
		source.PutChannel(groupID(0), "private", channel(private, memberOf(1)))
		source.PutChannel(groupID(0), "shared", channel(shared, memberOf(1), away(sourcetest.ID(1), "Alien", "a@fabrikam.com"), away("n", "", "")))
		source.Refuse(groupID(0)+" denied", cache.ErrDenied)
		source.Refuse(groupID(0)+" large", cache.ErrTooManyMembers)
		return source
	}
	hidden, noHidden := open(0), cache.ErrHiddenMembers.Error()
	hidden.Hidden = true
	run(t, cache.Config{}, newSource(), func(f fixture) {
		f.expectChannel("the team", "", "Person A, Person B; Group B closed")
		f.expectChannel("standard", "general", "Person A, Person B; Group B closed")
		f.expectChannel("private", "private", "Person B")
		f.expectChannel("shared", "shared", "Alien, Person B; 1 unreadable")
		f.expectChannel("unknown", "nowhere", cache.ErrNoChannel.Error())
		f.expectChannel("denied", "denied", cache.ErrDenied.Error())
		f.expectChannel("large", "large", cache.ErrTooManyMembers.Error())
		for name, want := range map[string]pb.ChannelKind{"": 0, "general": standard, "private": private, "shared": shared} {
			if m, err := f.ChannelMembers(f.t.Context(), groupID(0), name); err != nil || m.Kind != want {
				t.Errorf("channel %q is of kind %v, %v; want %v", name, m.Kind, err, want)
			}
		}
		if m, err := f.ExpandGroup(f.t.Context(), group(0), false); err != nil || m.Kind != 0 {
			t.Errorf("the group has the kind %v of a channel of its own", m.Kind)
		}
		for _, name := range []string{"", "general"} {
			if got := spelled(f.ChannelMembers(f.t.Context(), groupID(8), name)); got != cache.ErrNoChannel.Error() {
				t.Errorf("a team that is no group has %q", got)
			}
		}
		synctest.Wait()
		before := f.source.Asked("Channel")
		f.pass(time.Minute - time.Second)
		f.expectChannel("within a minute", "private", "Person B")
		if f.source.Asked("Channel") != before {
			t.Error("a channel is not remembered for a minute")
		}
		f.source.PutChannel(groupID(0), "private", channel(private, memberOf(2)))
		f.pass(2 * time.Second)
		f.expectChannel("after a minute", "private", "Person C")
		f.source.Refuse(groupID(0), cache.ErrNoGroup)
		f.pass(5 * time.Minute)
		f.expectChannel("a team that is gone by now", "", cache.ErrNoChannel.Error())
		f.source.Refuse(groupID(0), nil)
		f.source.PutGroup(hidden)
		f.pass(interval)
		f.expectChannel("a hidden team", "", noHidden)
		f.expectChannel("its standard channel", "general", noHidden)
		f.expectChannel("its private channel, all of whom are of the team", "private", noHidden)
		f.expectChannel("its shared channel", "shared", "Alien, Person B; 1 unreadable")
	})
}
