package insights

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// mask is what a read mask lets through: a tree of fields, in which a field
// without children stands for all of it. A nil mask lets everything through.
type mask struct {
	fields map[protoreflect.FieldNumber]*mask
}

// The fields of the rich profile are those of Profile from the first to the last.
const (
	firstRich protoreflect.FieldNumber = 40
	lastRich  protoreflect.FieldNumber = 45
)

// isRich tells whether a field is of the rich profile.
func isRich(n protoreflect.FieldNumber) bool { return firstRich <= n && n <= lastRich }

// rich tells whether the mask names fields of the rich profile, one by one.
func (m *mask) rich() bool {
	if m == nil {
		return false
	}
	for n := range m.fields {
		if isRich(n) {
			return true
		}
	}
	return false
}

// newMask reads a read mask of Profile. Its paths may be in lowerCamelCase too, as
// they stand in JSON. Rich tells whether it names something of the rich profile, beside
// "*" too.
func newMask(paths *fieldmaskpb.FieldMask) (m *mask, rich bool, err error) {
	root := &mask{}
	for _, path := range paths.GetPaths() {
		if path == "*" {
			continue
		}
		if err := root.let(path, (&pb.Profile{}).ProtoReflect().Descriptor()); err != nil {
			return nil, false, err
		}
	}
	if len(paths.GetPaths()) == 0 || slices.Contains(paths.GetPaths(), "*") {
		return nil, root.rich(), nil
	}
	return root, root.rich(), nil
}

// let lets a path of a message through.
func (m *mask) let(path string, message protoreflect.MessageDescriptor) error {
	at := m
	names := strings.Split(path, ".")
	for i, name := range names {
		field := fieldNamed(message, name)
		if field == nil {
			return noPath(path)
		}
		if at.fields == nil {
			at.fields = map[protoreflect.FieldNumber]*mask{}
		}
		last := i == len(names)-1
		child, ok := at.fields[field.Number()]
		switch {
		case last:
			at.fields[field.Number()] = nil
			return nil
		case field.Message() == nil || field.IsList():
			return noPath(path)
		case ok && child == nil:
			child = &mask{} // all of it is let through already; the rest is only checked
		case !ok:
			child = &mask{}
			at.fields[field.Number()] = child
		}
		at, message = child, field.Message()
	}
	return nil
}

func fieldNamed(message protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if field := message.Fields().ByName(protoreflect.Name(name)); field != nil {
		return field
	}
	return message.Fields().ByJSONName(name)
}

// noPath says that there is no such path. It repeats one that looks like a path, and is no
// address or anything else that could have got here.
func noPath(path string) error {
	if len(path) > maxPath || strings.Trim(path, pathLetters) != "" {
		return errors.New("must hold paths of Profile, such as display_name or manager.email")
	}
	return fmt.Errorf("must hold paths of Profile; it has no %q", path)
}

// What a path looks like that an error repeats.
const (
	maxPath     = 60 // bytes
	pathLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."
)

// of returns what the mask lets through of a profile, which it leaves as it is.
func (m *mask) of(profile *pb.Profile) *pb.Profile {
	if m == nil {
		return profile
	}
	limited := &pb.Profile{}
	m.copy(limited.ProtoReflect(), profile.ProtoReflect())
	return limited
}

func (m *mask) copy(to, from protoreflect.Message) {
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch child, ok := m.fields[field.Number()]; {
		case !ok:
		case child == nil:
			to.Set(field, value)
		default:
			child.copy(to.Mutable(field).Message(), value.Message())
		}
		return true
	})
}
