package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// The fields of Profile, by their numbers.
const (
	displayName, givenName, surname, mail, principalName, otherAddresses, jobTitle, department = 2, 3, 4, 5, 6, 7, 8, 9
	phones, mobile, employeeID, userType, accountState, manager                                = 18, 19, 20, 23, 24, 25
)

// townsfolk is a directory of eight people, groups with them in, and photos: person 4 reports to
// 2, is the manager of 5 and 6, shares an address with 1, and is in every group. Of those in
// without, nobody is there.
func townsfolk(without ...int) *sourcetest.Memory {
	m := &sourcetest.Memory{}
	here := func(i int) bool { return !slices.Contains(without, i) }
	var in []cache.Member
	for i := range 8 {
		p := sourcetest.Someone(i)
		p.ManagerID = map[int]string{1: sourcetest.ID(2), 4: sourcetest.ID(2), 5: sourcetest.ID(4), 6: sourcetest.ID(4), 7: sourcetest.ID(5)}[i]
		p.Profile.BusinessPhones = []string{fmt.Sprintf("+41 31 55502%02d", i)}
		if i == 1 || i == 4 {
			p.OtherMails = append(p.OtherMails, "shared@fabrikam.com")
		}
		if here(i) {
			m.Put(p)
			m.PutPhoto(sourcetest.ID(i), &cache.Photo{Data: []byte{byte(i)}, ContentType: "image/jpeg"})
			m.PutRich(sourcetest.ID(i), &pb.Profile{AboutMe: fmt.Sprint("about ", i)})
			in = append(in, memberOf(i))
		}
	}
	for i := range 2 {
		m.PutGroup(open(i))
		m.PutMembers(groupID(i), in...)
	}
	m.PutMembers(groupID(0), append(slices.Clone(in), within(1))...)
	m.PutContact(cache.Contact{ID: "00000000-0000-4000-7000-000000000001", DisplayName: "Person Away", Email: sourcetest.Someone(4).Profile.Email})
	return m
}

// everyRead is what a reader is told about person 4, by every way there is.
func everyRead(f fixture) (all []string) {
	t := f.t
	t.Helper()
	tell := func(what string, answer any, err error) {
		text := fmt.Sprint(answer)
		if m, ok := answer.(proto.Message); ok {
			text = protocmpText(m)
		}
		all = append(all, fmt.Sprintf("%s: %s %v", what, text, err))
	}
	four := sourcetest.Someone(4)
	refs := []cache.Ref{id(4), email(four.Profile.Email), email(four.Profile.UserPrincipalName), email("person.e@contoso.onmicrosoft.com"),
		email("person.e@fabrikam.com"), email("shared@fabrikam.com"), id(5), id(7), id(1), id(2), id(99), email("nobody@contoso.com")}
	for _, ref := range refs {
		answer := f.Profile(t.Context(), ref, cache.AnyAge)
		tell(fmt.Sprint("profile ", ref), answer.Profile, answer.Err)
		line, err := f.ReportingLine(ref, 0, true)
		tell(fmt.Sprint("line ", ref), lineBytes(line), err)
		photo, err := f.Photo(t.Context(), ref, 48)
		tell(fmt.Sprint("photo ", ref), photo != nil, err)
		tell(fmt.Sprint("pick ", ref), nil, f.Pick(ref, sourcetest.ID(0)))
		_, err = f.Organizer(ref)
		tell(fmt.Sprint("organizer ", ref), nil, err)
		for _, query := range []string{"", "person", "e"} {
			found, _, err := f.Suggest(cache.Invite{Query: query, Limit: 50, Organizer: ref})
			tell(fmt.Sprintf("%q of %v", query, ref), suggestionText(found), err)
			found, _, err = f.Suggest(cache.Invite{Query: query, Limit: 50, Exclude: []cache.Ref{ref}})
			tell(fmt.Sprintf("%q without %v", query, ref), suggestionText(found), err)
		}
	}
	for i, answer := range f.Profiles(t.Context(), refs) {
		tell(fmt.Sprint("batch ", refs[i]), answer.Profile, answer.Err)
	}
	rich, err := f.Rich(t.Context(), sourcetest.ID(4))
	tell("rich", rich, err)
	tell("picked", nil, f.Pick(id(0), sourcetest.ID(4)))
	var addresses []string
	for _, ref := range refs {
		if ref.Email != "" {
			addresses = append(addresses, ref.Email)
		}
	}
	matches, _, err := f.MatchAccounts(addresses)
	for _, m := range matches {
		tell("match", m, err)
	}
	for _, query := range []string{"person e", "e person", "u4@contoso.com", "person.e", "1004", "0204", "204", "persn e", "pe", "p", "shared", "person.e@fabrikam.com"} {
		for limit := 1; limit <= 16; limit *= 4 {
			found, _, err := f.Suggest(cache.Invite{Query: query, Limit: limit})
			tell(fmt.Sprintf("%q at most %d", query, limit), suggestionText(found), err)
			explained, _, err := f.Explain(cache.Invite{Query: query, Limit: limit, Organizer: id(2)})
			for _, e := range explained {
				tell("because", e, err)
			}
		}
	}
	for i := range 2 {
		members, err := f.ExpandGroup(t.Context(), group(i), true)
		tell("group", spelled(members, err), err)
	}
	w := f.watch(cache.Position{}, refs...)
	tell("watch", w.news(), nil)
	w.end()
	return all
}

func protocmpText(m proto.Message) string {
	if m == nil || !m.ProtoReflect().IsValid() {
		return "none"
	}
	raw, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	return fmt.Sprintf("%q", raw)
}

func suggestionText(found []*pb.Suggestion) (text string) {
	for _, s := range found {
		text += protocmpText(s) + "\n"
	}
	return text
}

func lineBytes(line *cache.ReportingLine) (text string) {
	if line == nil {
		return "none"
	}
	for _, s := range append(append(line.Managers, &pb.ProfileSummary{}), line.Reports...) {
		text += protocmpText(s) + "\n"
	}
	return text
}

// read is everyRead through a view of a directory, and how often its source was asked for
// people meanwhile.
func read(t *testing.T, source *sourcetest.Memory, view cache.View) (all []string, asked int) {
	t.Helper()
	run(t, cache.Config{}, source, func(f fixture) {
		f.Reader = f.As(view.Prepared())
		before := source.Asked("Find") + source.Asked("FindAll") + source.Asked("Rich")
		all = everyRead(f)
		asked = source.Asked("Find") + source.Asked("FindAll") + source.Asked("Rich") - before
	})
	return all, asked
}

// hiding is a view that shows all but some people.
func hiding(people ...int) cache.View {
	view := cache.View{Sees: cache.Whole, Unlisted: true, Groups: true, Hides: map[string]cache.Sight{}}
	for _, i := range people {
		view.Hides[sourcetest.ID(i)] = cache.Whole
	}
	return view
}

// TestHiddenIsAbsent reads a directory through a view that hides somebody, and one in which
// they are not: every answer is the same, and so is what it costs.
func TestHiddenIsAbsent(t *testing.T) {
	unlisted := townsfolk()
	p := sourcetest.Someone(4)
	p.ManagerID, p.Unlisted = sourcetest.ID(2), true
	p.Profile.BusinessPhones = []string{"+41 31 5550204"}
	p.OtherMails = append(p.OtherMails, "shared@fabrikam.com")
	unlisted.Put(p)
	for what, row := range map[string]struct {
		source *sourcetest.Memory
		view   cache.View
	}{
		"by id":                     {townsfolk(), hiding(4)},
		"hidden from address lists": {unlisted, cache.View{Sees: cache.Whole, Groups: true}},
		"all that is seen of them": {townsfolk(), func() cache.View {
			v := hiding(4)
			v.Hides[sourcetest.ID(4)] = cache.SightOf(displayName, mail)
			v.Sees = cache.SightOf(displayName, mail)
			return v
		}()},
	} {
		got, cost := read(t, row.source, row.view)
		reference := row.view
		reference.Hides = map[string]cache.Sight{"somebody else": cache.Whole}
		want, costs := read(t, townsfolk(4), reference)
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Errorf("%s: told\n%v\nwant, as where they are not,\n%v", what, at(got, i), at(want, i))
			}
		}
		if cost != costs || cost != 0 {
			t.Errorf("%s: the source was asked %d times, and %d times where they are not; want 0", what, cost, costs)
		}
	}
}

func at(list []string, i int) string {
	if i >= len(list) {
		return "nothing"
	}
	return list[i]
}

// TestOneSeesOneself has somebody who is hidden look themselves up.
func TestOneSeesOneself(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		view := hiding(4)
		view.Sees, view.Self = cache.SightOf(displayName), sourcetest.ID(4)
		all := f.Profile(f.t.Context(), id(4), cache.AnyAge).Profile
		f.Reader = f.As(view.Prepared())
		got, err := f.profile(id(4))
		want := proto.CloneOf(all)
		want.Manager = &pb.ProfileSummary{Id: sourcetest.ID(2), DisplayName: "Person C"}
		if err != nil || !proto.Equal(got, want) {
			t.Errorf("they see %v, %v of themselves\nwant %v", got, err, want)
		}
		if photo, err := f.Photo(f.t.Context(), id(4), 48); err != nil || photo == nil {
			t.Errorf("their photo: %v", err)
		}
		if line, err := f.ReportingLine(id(4), 0, false); err != nil || len(line.Managers) != 1 {
			t.Errorf("their line: %v, %v", line, err)
		}
		if other, err := f.profile(id(5)); err != nil || !proto.Equal(other, &pb.Profile{Id: sourcetest.ID(5), DisplayName: "Person F"}) {
			t.Errorf("they see %v, %v of another", other, err)
		}
	})
}

// stripped is townsfolk of whom the source itself says no more than some fields.
func stripped(sees cache.Sight) *sourcetest.Memory {
	m := townsfolk()
	for i := range 8 {
		var whole cache.Person
		for page, err := range m.People().List(context.Background()) {
			if err != nil {
				panic(err)
			}
			for _, p := range page.Items {
				if p.Profile.GetId() == sourcetest.ID(i) {
					whole = p
				}
			}
		}
		whole.Profile = proto.CloneOf(whole.Profile)
		p := whole.Profile
		if !sees.Has(principalName) {
			p.UserPrincipalName = ""
		}
		if !sees.Has(otherAddresses) {
			whole.Proxies, whole.OtherMails = nil, nil
		}
		if !sees.Has(jobTitle) {
			p.JobTitle = ""
		}
		if !sees.Has(department) {
			p.Department = ""
		}
		if !sees.Has(phones) {
			p.BusinessPhones = nil
		}
		if !sees.Has(employeeID) {
			p.EmployeeId = ""
		}
		if !sees.Has(manager) {
			whole.ManagerID = ""
		}
		m.Put(whole)
	}
	return m
}

// TestUnseenFieldsAreAbsent finds and tells by a view of some fields what a directory tells
// that has no others.
func TestUnseenFieldsAreAbsent(t *testing.T) {
	all := cache.Whole
	for _, fields := range [][]int{
		{principalName}, {otherAddresses}, {phones, employeeID}, {jobTitle}, {principalName, otherAddresses, phones, employeeID, jobTitle},
	} {
		sees := all
		for _, n := range fields {
			sees &^= 1 << n
		}
		view := cache.View{Sees: sees, Unlisted: true, Groups: true, Hides: map[string]cache.Sight{"somebody else": cache.Whole}}
		got, _ := read(t, townsfolk(), view)
		view.Sees = all
		want, _ := read(t, stripped(sees), view)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("without fields %v: (-want +got)\n%s", fields, d)
		}
	}
}

// TestHiddenFieldsOfOne hides some fields of one person.
func TestHiddenFieldsOfOne(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		whole, _ := f.profile(id(4))
		view := hiding()
		view.Hides[sourcetest.ID(4)] = cache.SightOf(mobile, otherAddresses, phones, employeeID) | cache.SightPhoto
		f.Reader = f.As(view.Prepared())
		want := proto.CloneOf(whole)
		want.MobilePhone, want.OtherAddresses, want.BusinessPhones, want.EmployeeId = "", nil, nil, ""
		got, err := f.profile(id(4))
		if d := cmp.Diff(want, got, protocmp.Transform()); err != nil || d != "" {
			t.Errorf("%v (-want +got)\n%s", err, d)
		}
		if _, err := f.Photo(f.t.Context(), id(4), 48); err == nil || err.Error() != cache.ErrNoPhoto.Error() {
			t.Errorf("their photo: %v, want %v", err, cache.ErrNoPhoto)
		}
		for query, want := range map[string]string{"1004": "", "0204": "", "person.e@fabrikam.com": "Person A, Person B, Person C, Person D, Person F, Person G, Person H", "1005": "Person F", "person e": "Person E", "0205": "Person F"} {
			if got := f.suggest(query); got != want {
				t.Errorf("suggest(%q) = %q, want %q", query, got, want)
			}
		}
		if _, err := f.profile(email("person.e@fabrikam.com")); err == nil || err.Error() != cache.ErrNotFound.Error() {
			t.Errorf("by an address that is hidden: %v, want %v", err, cache.ErrNotFound)
		}
	})
}

// TestWhatAViewShowsNothingOf asks for what no one of the audience is shown.
func TestWhatAViewShowsNothingOf(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		f.Reader = f.As(cache.View{Sees: cache.SightOf(displayName, mail), Unlisted: true}.Prepared())
		for _, who := range []int{4, 99} {
			_, photo := f.Photo(f.t.Context(), id(who), 48)
			_, line := f.ReportingLine(id(who), 0, true)
			_, members := f.ExpandGroup(f.t.Context(), group(who), false)
			_, channel := f.ChannelMembers(f.t.Context(), groupID(who), "c")
			for what, err := range map[string]error{"photo": photo, "line": line, "group": members, "channel": channel} {
				if err == nil || err.Error() != cache.ErrNotShown.Error() {
					t.Errorf("%s of %d: %v, want %v", what, who, err, cache.ErrNotShown)
				}
			}
		}
		if got := f.suggest("group"); got != "" {
			t.Errorf("groups come up: %s", got)
		}
		if got := f.suggest("person away"); got != "" {
			t.Errorf("contacts come up: %s", got)
		}
	})
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		f.Reader = f.As(cache.View{Unlisted: true, Groups: true}.Prepared())
		if _, err := f.profile(id(4)); err == nil || err.Error() != cache.ErrNotFound.Error() {
			t.Errorf("who sees nothing sees somebody: %v", err)
		}
		if got := f.suggest("person"); got != "" {
			t.Errorf("who sees nothing is suggested %s", got)
		}
	})
}

// TestHiddenMembershipIsShown opens a group with hidden membership to a view that shows it.
func TestHiddenMembershipIsShown(t *testing.T) {
	source := townsfolk()
	g := open(1)
	g.Hidden = true
	source.PutGroup(g)
	run(t, cache.Config{}, source, func(f fixture) {
		f.expectMembers("by default", group(1), false, "hidden members")
		view := cache.Everything
		view.HiddenMembers = true
		f.Reader = f.As(view)
		members, err := f.ExpandGroup(f.t.Context(), group(1), false)
		if err != nil || len(members.People) != 8 {
			t.Errorf("shown: %v, %v", spelled(members, err), err)
		}
		members, err = f.ExpandGroup(f.t.Context(), group(0), true)
		if err != nil || len(members.Groups) != 1 || members.Groups[0].State != pb.NestedGroupState_NESTED_GROUP_STATE_OPENED {
			t.Errorf("within another: %v, %v", spelled(members, err), err)
		}
	})
}

// TestWatchTellsOfWhatIsSeen changes what a view does not show, and then what it does.
func TestWatchTellsOfWhatIsSeen(t *testing.T) {
	source := townsfolk()
	run(t, cache.Config{}, source, func(f fixture) {
		f.Reader = f.As(cache.View{Sees: cache.SightOf(displayName, mail), Unlisted: true, Name: "few"}.Prepared())
		w := f.watch(cache.Position{}, id(4), id(5))
		w.news()
		p := sourcetest.Someone(4)
		p.Profile.MobilePhone = "+41 79 5550999"
		source.Put(p)
		f.pass(2 * time.Minute)
		expect(t, "a change of what is not seen", w.news(), "")
		p.Profile.DisplayName = "Other Name"
		source.Put(p)
		f.pass(2 * time.Minute)
		if got := w.news(); got == "" {
			t.Error("a change of what is seen was not told")
		}
		from := w.end()
		f.Reader = f.As(cache.Everything)
		w = f.watch(from, id(4), id(5))
		if got := w.news(); !strings.Contains(got, "Person F") || strings.Contains(got, "resumed") {
			t.Errorf("a position of one view was taken for one of another: %q", got)
		}
		w.end()
	})
}

// TestSummariesAreMasked hides a field of somebody who stands in other people's answers.
func TestSummariesAreMasked(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		view := hiding()
		view.Hides[sourcetest.ID(4)] = cache.SightOf(department, manager)
		f.Reader = f.As(view.Prepared())
		expectNone := func(what string, s *pb.ProfileSummary) {
			t.Helper()
			if s.GetId() != sourcetest.ID(4) || s.GetDepartment() != "" || s.GetJobTitle() == "" {
				t.Errorf("%s: %v", what, s)
			}
		}
		below, err := f.profile(id(5))
		if err != nil {
			t.Fatal(err)
		}
		expectNone("a manager", below.GetManager())
		line, err := f.ReportingLine(id(7), 0, false)
		if err != nil || len(line.Managers) != 2 {
			t.Fatalf("a line that ends with whose manager is hidden: %v, %v", line, err)
		}
		expectNone("in a line", line.Managers[1])
		if line, err := f.ReportingLine(id(2), 0, true); err != nil || len(line.Reports) != 1 || line.Reports[0].GetId() != sourcetest.ID(1) {
			t.Errorf("reports of the hidden manager: %v, %v", line, err)
		}
		members, err := f.ExpandGroup(f.t.Context(), group(1), false)
		if err != nil || len(members.People) != 8 {
			t.Fatalf("members: %v, %v", members, err)
		}
		expectNone("a member", members.People[4])
	})
}

// TestHiddenManagersAreNotReadThrough asks the source anew for somebody whose manager is hidden.
func TestHiddenManagersAreNotReadThrough(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		f.Reader = f.As(hiding(4).Prepared())
		if answer := f.Profile(f.t.Context(), id(5), 0); answer.Err != nil || answer.Profile.GetManager() != nil || answer.Profile.GetDisplayName() != "Person F" {
			t.Errorf("%v, %v", answer.Profile, answer.Err)
		}
	})
}

// TestPartsOfTheRichProfile hides some of what somebody has written.
func TestPartsOfTheRichProfile(t *testing.T) {
	source := townsfolk()
	source.PutRich(sourcetest.ID(4), &pb.Profile{AboutMe: "about", Skills: []string{"singing"}})
	run(t, cache.Config{}, source, func(f fixture) {
		view := hiding()
		view.Hides[sourcetest.ID(4)] = cache.SightOf(40)
		f.Reader = f.As(view.Prepared())
		if got, err := f.Rich(f.t.Context(), sourcetest.ID(4)); err != nil || !proto.Equal(got, &pb.Profile{Skills: []string{"singing"}}) {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// TestKindsOfAccountsMayBeHidden matches accounts of whom the view does not show what they are.
func TestKindsOfAccountsMayBeHidden(t *testing.T) {
	source := townsfolk()
	guest := sourcetest.Someone(4)
	guest.Profile.UserType, guest.Profile.AccountState = pb.UserType_USER_TYPE_GUEST, pb.AccountState_ACCOUNT_STATE_DISABLED
	source.Put(guest)
	run(t, cache.Config{}, source, func(f fixture) {
		f.Reader = f.As(cache.View{Sees: cache.Whole &^ cache.SightOf(userType, accountState), Unlisted: true}.Prepared())
		got, _, err := f.MatchAccounts([]string{"person.e@contoso.com"})
		if err != nil || got[0].GetOutcome() != pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_MATCHED || got[0].GetCandidates()[0].GetUserType() != 0 ||
			got[0].GetCandidates()[0].GetAccountState() != 0 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// TestWhatIsNotShownIsNotLacking has groups fail for a view that shows none.
func TestWhatIsNotShownIsNotLacking(t *testing.T) {
	source := townsfolk()
	source.Before(func(_ context.Context, method string) error {
		if strings.HasSuffix(method, "Groups") {
			return cache.ErrDenied
		}
		return nil
	})
	run(t, cache.Config{}, source, func(f fixture) {
		if got := f.Sources(nil); len(got) != 1 {
			t.Errorf("everything lacks %v, want groups", got)
		}
		f.Reader = f.As(cache.View{Sees: cache.Whole, Unlisted: true}.Prepared())
		if got := f.Sources(nil); len(got) != 0 {
			t.Errorf("a view without groups lacks %v", got)
		}
	})
}

// TestMembersWhoAreNotHeld has somebody in a group whom the directory does not hold yet: nobody
// knows whether they are hidden from address lists.
func TestMembersWhoAreNotHeld(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		f.source.PutMembers(groupID(1), memberOf(1), memberOf(9))
		f.source.PutGroup(open(1))
		f.pass(2 * interval)
		for unlisted, want := range map[bool]int{true: 2, false: 1} {
			members, err := f.As(cache.View{Sees: cache.Whole, Unlisted: unlisted, Groups: true, Name: "x"}.Prepared()).ExpandGroup(f.t.Context(), group(1), false)
			if err != nil || len(members.People) != want {
				t.Errorf("unlisted %v: %s, want %d", unlisted, spelled(members, err), want)
			}
		}
	})
}

// TestStaleDirectoriesDoNotSayWhoIsHidden asks while the source is failing.
func TestStaleDirectoriesDoNotSayWhoIsHidden(t *testing.T) {
	var failing atomic.Bool
	source := townsfolk()
	source.Before(func(context.Context, string) error {
		if failing.Load() {
			return cache.ErrUnavailable
		}
		return nil
	})
	run(t, cache.Config{}, source, func(f fixture) {
		failing.Store(true)
		f.pass(2 * interval)
		f.Reader = f.As(hiding(4).Prepared())
		for _, who := range []int{4, 99} {
			if _, err := f.profile(id(who)); !errors.Is(err, cache.ErrUnavailable) {
				t.Errorf("%d: %v, want %v", who, err, cache.ErrUnavailable)
			}
		}
		if _, err := f.profile(id(3)); err != nil {
			t.Errorf("who is shown: %v", err)
		}
	})
}

// TestRestrictedViewsWaitForTheDirectory asks before the directory is complete, and while its
// source fails: nobody can tell then who is hidden.
func TestRestrictedViewsWaitForTheDirectory(t *testing.T) {
	d, err := cache.New(cache.Config{Source: townsfolk()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r := d.As(hiding(4).Prepared())
	for _, who := range []int{3, 4, 99} {
		if got := r.Profile(t.Context(), id(who), cache.AnyAge).Err; got == nil || got.Error() != cache.ErrFilling.Error() {
			t.Errorf("%d: %v, want %v", who, got, cache.ErrFilling)
		}
	}
}
