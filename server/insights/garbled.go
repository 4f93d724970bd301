package insights

import (
	"bytes"
	"errors"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that Codec is made of
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// errGarbled means that what came is no request.
var errGarbled = errors.New("the request cannot be decoded")

// Codec returns gRPC's codec, but that it takes bytes which are no message for a request that
// the interceptors refuse: with INVALID_ARGUMENT, once it is known who calls. gRPC itself would
// answer anybody, and with INTERNAL, as though it were our fault.
func Codec() encoding.CodecV2 { return codec{encoding.GetCodecV2("proto")} }

type codec struct{ encoding.CodecV2 }

// garbledMark is an unknown field, 536,870,911 without a value, that a request has which could
// not be decoded. Who sends it is refused alike.
var garbledMark = protoreflect.RawFields{0xf8, 0xff, 0xff, 0xff, 0x0f, 0x00}

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	err := c.CodecV2.Unmarshal(data, v)
	m, ok := v.(proto.Message)
	if err == nil || !ok || m.ProtoReflect().Descriptor().ParentFile().Package() != "peopleinsights.v1" {
		return err
	}
	proto.Reset(m)
	m.ProtoReflect().SetUnknown(garbledMark)
	return nil
}

// garbled tells whether a request could not be decoded.
func garbled(in any) bool {
	m, ok := in.(proto.Message)
	return ok && bytes.Equal(m.ProtoReflect().GetUnknown(), garbledMark)
}
