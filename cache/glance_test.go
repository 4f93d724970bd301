package cache

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// TestGlance compares what a glance makes of a record with what decoding it does, in one
// profile after another.
func TestGlance(t *testing.T) {
	scratch := &pb.Profile{}
	for i := range 40 {
		p := Person{Profile: &pb.Profile{Id: fmt.Sprint(i)}, Proxies: []string{"p@contoso.com"}, OtherMails: []string{"o@contoso.com"}, ManagerID: "m", Unlisted: i%3 == 0}
		m := p.Profile.ProtoReflect()
		for n, fields := 0, m.Descriptor().Fields(); n < fields.Len(); n++ { // every field there is, now and then
			f := fields.Get(n)
			if (n+i)%4 == 0 || f.Message() != nil {
				continue
			}
			switch value := fmt.Sprintf("%s ż %d", f.Name(), i); {
			case f.IsList():
				list := m.Mutable(f).List()
				list.Append(list.NewElement())
				list.Set(0, protoreflect.ValueOfString(value))
				list.Append(protoreflect.ValueOfString("another"))
			case f.Enum() != nil:
				m.Set(f, protoreflect.ValueOfEnum(protoreflect.EnumNumber(i%3)))
			case f.Kind().String() == "string":
				m.Set(f, protoreflect.ValueOfString(value))
			}
		}
		r, err := newRecord(p)
		if err != nil {
			t.Fatal(err)
		}
		want, got := r.person(), r.glance(scratch)
		want.Profile.OtherAddresses, got.Profile.OtherAddresses = want.otherAddresses(), got.otherAddresses()
		a, b := entryOf(want.Profile), entryOf(got.Profile)
		a.ID, b.ID = "", ""
		if d := cmp.Diff(a, b); d != "" {
			t.Error(d)
		}
		var addresses [2][]string
		for n, p := range []Person{want, got} {
			p.eachAddress(func(address string, kind AddressKind) {
				addresses[n] = append(addresses[n], fmt.Sprint(address, kind))
			})
		}
		if d := cmp.Diff(addresses[0], addresses[1]); d != "" {
			t.Error(d)
		}
	}
}
