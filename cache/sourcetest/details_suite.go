package sourcetest

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// testFindAll has FindAll answer as Find does, for each in their order.
func testFindAll(t *testing.T, tenant Tenant) {
	manager, report := Someone(0), Someone(1)
	report.ManagerID = ID(0)
	for _, p := range []cache.Person{manager, report, Someone(2)} {
		tenant.Put(p)
	}
	refs := []cache.Ref{
		{ID: ID(1)}, {Email: "u0@contoso.com"}, {ID: ID(7)}, {Email: "person.c@contoso.com"}, {Email: "person.b@contoso.onmicrosoft.com"},
		{Email: "nobody@contoso.com"}, {ID: ID(1)}, {Email: "o'hara@contoso.com"}, {Email: "person.c@fabrikam.com"}, {ID: ID(0)},
	}
	for _, refs := range [][]cache.Ref{refs, refs[2:3], refs[:1], nil} {
		found := tenant.Source.FindAll(t.Context(), refs)
		if len(found) != len(refs) {
			t.Fatalf("FindAll has %d answers for %d people", len(found), len(refs))
		}
		for i, ref := range refs {
			want, failed := tenant.Source.Find(t.Context(), ref)
			unknown := errors.Is(failed, cache.ErrNotFound) && errors.Is(found[i].Err, cache.ErrNotFound)
			if !unknown && !errors.Is(found[i].Err, failed) {
				t.Errorf("FindAll of %v = %v, want %v", ref, found[i].Err, failed)
			}
			if diff := cmp.Diff(want, found[i].Person, protocmp.Transform(), cmpopts.EquateEmpty()); failed == nil && diff != "" {
				t.Errorf("FindAll of %v differs from Find (-Find +FindAll):\n%s", ref, diff)
			}
		}
	}
}

// testFindMany asks for as many as FindAll takes, some of whom are not there.
func testFindMany(t *testing.T, tenant Tenant) {
	const there = 30
	for i := range there {
		tenant.Put(Someone(i))
	}
	refs := make([]cache.Ref, 1000)
	for i := range refs {
		refs[i] = cache.Ref{ID: ID((i * 7) % len(refs))} // in no order
	}
	found := tenant.Source.FindAll(t.Context(), refs)
	if len(found) != len(refs) {
		t.Fatalf("FindAll has %d answers for %d people", len(found), len(refs))
	}
	for i, ref := range refs {
		here := (i*7)%len(refs) < there
		if here && (found[i].Err != nil || found[i].Person.Profile.GetId() != ref.ID) || !here && !errors.Is(found[i].Err, cache.ErrNotFound) {
			t.Fatalf("FindAll of %v = %v, %v", ref, found[i].Person.Profile.GetId(), found[i].Err)
		}
	}
}

// testFindAllShared has an address that two people have lead where Find has it lead.
func testFindAllShared(t *testing.T, tenant Tenant) {
	byOther, byMail := Someone(0), Someone(1)
	byOther.OtherMails = []string{"shared@contoso.com"}
	byMail.Profile.Email = "Shared@contoso.com"
	tenant.Put(byOther)
	tenant.Put(byMail)
	found := tenant.Source.FindAll(t.Context(), []cache.Ref{{ID: ID(0)}, {Email: "shared@contoso.com"}})
	if len(found) != 2 || found[1].Err != nil || found[1].Person.Profile.GetId() != ID(1) {
		t.Errorf("FindAll of a shared address = %v, want the one who has it as mail", found)
	}
}

// testDetailsCancelled has each question about a person fail once its context has ended, and
// not tell of an absence.
func testDetailsCancelled(t *testing.T, tenant Tenant) {
	tenant.Put(Someone(0))
	tenant.Put(Someone(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	failed := map[string]error{}
	for i, found := range tenant.Source.FindAll(ctx, []cache.Ref{{ID: ID(0)}, {ID: ID(1)}, {Email: "nobody@contoso.com"}}) {
		failed["FindAll "+string(rune('0'+i))] = found.Err
	}
	_, failed["Rich"] = tenant.Source.Rich(ctx, ID(0))
	_, failed["Photo"] = tenant.Source.Photo(ctx, ID(0), 240, nil)
	if len(failed) != 5 {
		t.Errorf("FindAll after its context ended has %d answers for 3 people", len(failed)-2)
	}
	for what, err := range failed {
		if err == nil || errors.Is(err, cache.ErrNotFound) || errors.Is(err, cache.ErrNoPhoto) {
			t.Errorf("%s after its context ended = %v, want a failure", what, err)
		}
	}
}

// testRich has what people write of themselves be told, and nothing else of them.
func testRich(t *testing.T, tenant Tenant) {
	tenant.Put(Someone(0))
	expect := func(want *pb.Profile) {
		t.Helper()
		got, err := tenant.Source.Rich(t.Context(), ID(0))
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" || err != nil {
			t.Errorf("Rich = %v, differs (-want +got):\n%s", err, diff)
		}
	}
	expect(&pb.Profile{})
	if _, err := tenant.Source.Rich(t.Context(), ID(7)); !errors.Is(err, cache.ErrNotFound) {
		t.Errorf("Rich of nobody = %v, want %v", err, cache.ErrNotFound)
	}
	if tenant.PutRich == nil {
		t.Skip("nobody can write of themselves here")
	}
	for _, written := range []*pb.Profile{
		{
			AboutMe: "I draw maps.", Skills: []string{"Go", "Cartography"}, Interests: []string{"Chess"},
			Responsibilities: []string{"Releases"}, PastProjects: []string{"Atlas", "Globe"}, Schools: []string{"Bern"},
		},
		{Skills: []string{"Go"}},
		{},
	} {
		tenant.PutRich(ID(0), written)
		expect(written)
	}
}

// testPhoto has a photo be told, be known again, change and go.
func testPhoto(t *testing.T, tenant Tenant) {
	tenant.Put(Someone(0))
	absent := func(id string, kinds ...error) {
		t.Helper()
		photo, err := tenant.Source.Photo(t.Context(), id, 240, nil)
		if !slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) }) {
			t.Errorf("Photo = %v, %v; want one of %v", photo, err, kinds)
		}
	}
	absent(ID(0), cache.ErrNoPhoto)
	absent(ID(7), cache.ErrNoPhoto, cache.ErrNotFound) // a source may not tell them apart
	if tenant.PutPhoto == nil {
		t.Skip("nobody can have a photo here")
	}
	first, second := SomePhoto(t, 1), SomePhoto(t, 2)
	tenant.PutPhoto(ID(0), first)
	read := func(size int, known *cache.Photo) *cache.Photo {
		t.Helper()
		photo, err := tenant.Source.Photo(t.Context(), ID(0), size, known)
		if err != nil {
			t.Fatalf("Photo of %d pixels = %v", size, err)
		}
		return photo
	}
	got := read(240, nil)
	if !bytes.Equal(got.Data, first.Data) || got.ContentType != first.ContentType {
		t.Errorf("Photo has %d bytes of %s, want %d of %s", len(got.Data), got.ContentType, len(first.Data), first.ContentType)
	}
	if size := read(648, nil); len(size.Data) == 0 { // the largest there is
		t.Error("Photo of a size that there is not is empty")
	}
	if again := read(240, got); again != got {
		t.Error("Photo does not return the known photo, which is still the photo")
	}
	tenant.PutPhoto(ID(0), second)
	changed := read(240, got)
	if changed == got || !bytes.Equal(changed.Data, second.Data) {
		t.Error("Photo does not return the photo in place of the known one")
	}
	tenant.PutPhoto(ID(0), nil)
	absent(ID(0), cache.ErrNoPhoto)
	if photo, err := tenant.Source.Photo(t.Context(), ID(0), 240, changed); !errors.Is(err, cache.ErrNoPhoto) {
		t.Errorf("Photo of a known one that is gone = %v, %v; want %v", photo, err, cache.ErrNoPhoto)
	}
}

// SomePhoto returns the i-th photo that the suite uses, of 240 by 240 pixels.
func SomePhoto(t *testing.T, i int) *cache.Photo {
	t.Helper()
	square := image.NewGray(image.Rect(0, 0, 240, 240))
	for p := range square.Pix {
		square.Pix[p] = byte(p * i)
	}
	var data bytes.Buffer
	if err := jpeg.Encode(&data, square, nil); err != nil {
		t.Fatal(err)
	}
	return &cache.Photo{Data: data.Bytes(), ContentType: "image/jpeg", Tags: []string{string(rune('a' + i))}}
}
