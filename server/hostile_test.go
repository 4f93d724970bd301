package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// hostileCanary is in every text that is sent, and must be nowhere but in what was sent.
const hostileCanary = "zyzzogeton"

// hostileWord looks like a path of a read mask, so that an error may repeat it to who sent it;
// nothing else may.
const hostileWord = "wolpertinger"

// hostileTexts are what an attacker, or a careless client, puts where a name should be. Each
// gets the canary.
var hostileTexts = []string{
	"%s@contoso.com", "ana.kovac+%s@contoso.com", "Ana Kovač %s", "\"%s\" <%[1]s@contoso.com>", "%s@[127.0.0.1]", "%s@contoso.com@fabrikam.com",
	"' OR '1'='1' -- %s", "%s'; DROP TABLE people; --", "%s' or startswith(displayName,'a')", "%s&$select=*&$expand=manager", "*)(uid=*))(|(uid=*%s", "%s)(objectClass=*)",
	"<script>alert('%s')</script>", "\"><img src=x onerror=%s>", "{{7*7}}%s${7*7}#{7*7}", "$(touch /tmp/%s)", "`id`;%s|cat /etc/passwd&", "../../../../etc/%s", "..%%2f..%%2f%s%%00",
	"/users/%s/manager/$ref", "https://169.254.169.254/%s", "file:///%s", "%s\x00behind", "%s\r\nlevel=ERROR msg=\"forged\"", "%s\nforged line 7f3a", "%s\u2028forged line 7f3a\u2029", "%s\x1b[31mred\x1b[0m\a\b",
	"\u202e%s\u202c", "\u200b%s\u200d\ufeff", "e\u0301\u0302\u0303%s" + "\u0301\u0302", "%%s%%n%%x%%p%%!d(%s)", "%s%%!v(PANIC=)", "{\"id\":\"%s\"}", "\xef\xbb\xbf%s", "İıſﬃ%s", "👩‍👩‍👧‍👦%s", "٠١٢%s",
	"  %s  ", "\t%s\v\f", "%s,,,;;;", "%s=cmd|' /C calc'!A0", "00000000-0000-4000-8000-%s", "c94bd583-b108-5c61-97ef-bbc940684978%s", "{c94bd583-b108-5c61-97ef-bbc940684978}%s", "AAAA%s====", "null %s", "-1e400%s",
	hostileWord, "manager." + hostileWord,
}

// rawCodec sends bytes as they are, such as no client would make.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error { *v.(*[]byte) = bytes.Clone(data); return nil }
func (rawCodec) Name() string                       { return "proto" }

// hostility makes requests up.
type hostility struct {
	*rand.Rand
	known []string // ids and addresses of those whom there are
}

// with is a text with the canary.
func (hostility) with(text string) string {
	if strings.Contains(text, hostileWord) {
		return text
	}
	return fmt.Sprintf(text, hostileCanary)
}

func (h hostility) text() string {
	text := h.with(hostileTexts[h.IntN(len(hostileTexts))])
	switch h.IntN(12) {
	case 0: // of any length up to what a request may have
		text = strings.Repeat(text, 1+h.IntN(20_000)/len(text))
	case 1:
		return h.known[h.IntN(len(h.known))]
	case 2:
		return hostileCanary + "." + strconv.Itoa(h.IntN(1000)) + "@contoso.com"
	}
	return text
}

// number is one of those at which programs break.
func (h hostility) number() int64 {
	return []int64{0, 1, -1, 7, 50, 51, 1000, 1001, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64}[h.IntN(12)]
}

// fill gives fields of a message values, most of them such.
func (h hostility) fill(m protoreflect.Message, depth int) {
	if _, ok := m.Interface().(*fieldmaskpb.FieldMask); ok && h.IntN(2) == 0 {
		m.Set(m.Descriptor().Fields().ByName("paths"), protoreflect.ValueOfList(pathsOf("display_name", "manager.email", "*").List()))
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if h.IntN(4) == 0 {
			continue
		}
		if field.IsList() {
			list := m.Mutable(field).List()
			for range []int{0, 1, 3, 40, 1001}[h.IntN(5)] {
				if field.Message() != nil {
					h.fill(list.AppendMutable().Message(), depth+1)
				} else {
					list.Append(h.value(field))
				}
			}
			continue
		}
		if field.Message() != nil {
			h.fill(m.Mutable(field).Message(), depth+1)
			continue
		}
		m.Set(field, h.value(field))
	}
}

func pathsOf(paths ...string) protoreflect.Value {
	mask := &fieldmaskpb.FieldMask{Paths: paths}
	return mask.ProtoReflect().Get(mask.ProtoReflect().Descriptor().Fields().ByName("paths"))
}

func (h hostility) value(field protoreflect.FieldDescriptor) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(strings.ToValidUTF8(h.text(), "?"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(h.text()))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(h.IntN(2) == 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(h.IntN(14) - 2))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(h.number()))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(h.number())
	}
	panic("a request has a field of kind " + field.Kind().String())
}

// request is what is sent for a method: a made-up message, or that one broken.
func (h hostility) request(in protoreflect.Message) []byte {
	h.fill(in, 0)
	data, err := proto.Marshal(in.Interface())
	if err != nil {
		panic(err)
	}
	if len(data) > maxRequest {
		data = data[:maxRequest]
	}
	switch h.IntN(8) {
	case 0: // texts that are not UTF-8
		data = bytes.ReplaceAll(data, []byte("zogeton"), []byte("zoge\xff\xc0n"))
	case 1:
		data = data[:h.IntN(len(data)+1)]
	case 2:
		for range 1 + len(data)/50 {
			if len(data) > 0 {
				data[h.IntN(len(data))] = byte(h.IntN(256))
			}
		}
	case 3: // fields that nobody knows
		data = binary.AppendUvarint(data, 9999<<3|2)
		data = binary.AppendUvarint(data, uint64(len(hostileCanary)))
		data = append(data, hostileCanary...)
	}
	return data
}

// TestHostileInputs sends a thousand requests that nobody should send, to every method, and more
// by every way that leads in: names and addresses must come out nowhere, the service must not
// call it its own fault, and must be there after it as before.
func TestHostileInputs(t *testing.T) {
	var spans collector
	receiver := httptest.NewServer(&spans)
	defer receiver.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	directory := simulator.Company()
	people := peopleOf(directory)
	_, args := tenant(t, simulator.Config{}, directory, simulator.DefaultApp().Secret)
	auditName, _, auditFlags := auditFiles(t)
	r := start(t, slices.Concat(args, auditFlags, []string{"--log-level", "debug"})...).untilServing()
	before, err := r.profile(client.ByEmail(ana))
	if err != nil {
		t.Fatal(err)
	}
	goroutines, heap := settled()

	known := []string{before.Profile.Id, ana, "maja.lindqvist@contoso.com", before.Profile.Manager.GetId(), strings.ToUpper(ana)}
	h := hostility{Rand: rand.New(rand.NewPCG(1, 7))}
	var methods []protoreflect.MethodDescriptor
	for _, name := range []protoreflect.FullName{"peopleinsights.v1.PeopleInsightsService", "peopleinsights.v1.DirectoryAdminService"} {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		if err != nil {
			t.Fatal(err)
		}
		service := found.(protoreflect.ServiceDescriptor)
		for i := range service.Methods().Len() {
			methods = append(methods, service.Methods().Get(i))
		}
	}
	ends := make(map[codes.Code]int)
	tell := func(what string, err error) {
		t.Helper()
		ends[status.Code(err)]++
		said := whole(err)
		if code := status.Code(err); code == codes.Internal || code == codes.Unknown || code == codes.DataLoss {
			t.Errorf("%s ends as %v: %.300s", what, code, said)
		}
		if text := personIn(said, people); text != "" {
			t.Errorf("the error of %s holds %q: %.300s", what, text, said)
		}
	}
	for n := range 1000 {
		m := methods[n%len(methods)]
		if h.known = known; m.Name() == "ErasePerson" {
			h.known = []string{"11111111-2222-4333-8444-555555555555"} // or somebody would be gone
		}
		kind, err := protoregistry.GlobalTypes.FindMessageByName(m.Input().FullName())
		if err != nil {
			t.Fatal(err)
		}
		data := h.request(kind.New())
		path := fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name())
		what := fmt.Sprintf("input %d, to %s", n, m.Name())
		tell(what, r.raw(path, data, m.IsStreamingServer(), nil))
	}
	// Bytes that are no request of any method are refused by all, whatever an empty one would do.
	for _, m := range methods {
		for _, data := range [][]byte{{0xff}, {0x0a, 0x05, 'a'}, {0xf8, 0xff, 0xff, 0xff, 0x0f, 0x00}} {
			err := r.raw(fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name()), data, m.IsStreamingServer(), nil)
			if status.Code(err) != codes.InvalidArgument || client.Reason(err) != pb.ErrorReason_ERROR_REASON_INVALID_REQUEST || !strings.Contains(err.Error(), "no message of the contract") {
				t.Errorf("%s of %x = %v", m.Name(), data, err)
			}
		}
	}
	// By other ways than requests.
	for i, text := range hostileTexts {
		text = h.with(text)
		printable := strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return -1
			}
			return r
		}, text)
		tell(fmt.Sprintf("text %d as a token", i), r.raw("/peopleinsights.v1.PeopleInsightsService/GetProfile", nil, false, metadata.Pairs(
			"authorization", "Bearer "+printable, "traceparent", printable, "tracestate", printable, "grpc-trace-bin", text, "x-"+hostileCanary, printable)))
		err := r.raw("/peopleinsights.v1.PeopleInsightsService/"+strings.ReplaceAll(printable, "%", ""), nil, false, nil)
		if code := status.Code(err); code != codes.Unimplemented && code != codes.Unauthenticated {
			t.Errorf("method %q = %v", printable, err) // gRPC answers with the method's name
		}
	}
	t.Logf("how the calls ended: %v", ends)
	for _, code := range []codes.Code{codes.OK, codes.InvalidArgument, codes.NotFound} {
		if ends[code] == 0 {
			t.Errorf("none of the inputs ended as %v: they do not reach what they should", code)
		}
	}

	// The service is as it was.
	after, err := r.profile(client.ByEmail(ana))
	if err != nil || !proto.Equal(after.GetProfile(), before.GetProfile()) {
		t.Errorf("after it, GetProfile = %v, %v", after, err)
	}
	found, err := r.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "kov"})
	if err != nil || len(found.Suggestions) == 0 || found.Suggestions[0].Email != ana {
		t.Errorf("after it, SuggestInvitees = %v, %v", found, err)
	}
	if s := r.status(); s.People != int64(directory.Len()) || s.Watches != 0 {
		t.Errorf("after it, the directory has %d people and %d watches", s.People, s.Watches)
	}
	const fewGoroutines, someHeap = 50, 64 << 20
	r.until("goroutines and memory come back", func() bool {
		now, held := settled()
		return now <= goroutines+fewGoroutines && held <= heap+someHeap
	})

	// Nobody is anywhere.
	_, metrics := r.ask("/metrics")
	r.until("calls are traced", func() bool { return spans.has("SuggestInvitees") })
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	audited, err := os.ReadFile(auditName)
	if err != nil {
		t.Fatal(err)
	}
	spans.mu.Lock()
	defer spans.mu.Unlock()
	for where, text := range map[string]string{"the log": r.out.String(), "the metrics": metrics, "a span": string(spans.sent), "the audit log": string(audited)} {
		if where == "the log" { // what the server says to a newcomer names one, as an example
			text = strings.Replace(text, " profile "+ana, "", 1)
		}
		if who := personIn(text, append([]string{hostileWord}, people...)); who != "" {
			at := strings.Index(strings.ToLower(text), who)
			t.Errorf("%s holds %q: …%.200s", where, who, text[max(0, at-100):])
		}
	}
	if lines := bytes.Count(audited, []byte("\n")); lines < 1000/2 {
		t.Errorf("the audit log has %d lines", lines)
	}
	for line := range strings.Lines(r.out.String()) {
		if strings.Contains(line, "msg=") && !loggedLine.MatchString(line) {
			t.Errorf("a line of the log is not one of ours: %q", line)
		}
		if strings.Contains(line, "level=ERROR") {
			t.Errorf("an input is an error of the service: %s", line)
		}
	}
}

// loggedLine is a line of the log, from its beginning to its end.
var loggedLine = regexp.MustCompile(`^time=\S+ level=[A-Z]+ msg=[^\x00-\x08\x0b-\x1f\x1b]*\n$`)

// personIn is who is in a text, the canary included; empty for nobody.
func personIn(text string, people []string) string {
	text = strings.ToLower(text)
	for _, who := range append([]string{hostileCanary, "zogeton", "forged", "kovač"}, people...) {
		if strings.Contains(text, who) {
			return who
		}
	}
	return ""
}

// whole is all that an error says, its details included.
func whole(err error) string {
	s := status.Convert(err)
	said := s.Message()
	for _, detail := range s.Details() {
		said += fmt.Sprint("\n", detail)
	}
	return said
}

// settled is how many goroutines there are, and how many bytes are live.
func settled() (goroutines int, heap uint64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}

// raw sends bytes to a method, and says how it ends; a stream with its first message.
func (r *running) raw(path string, data []byte, streams bool, headers metadata.MD) error {
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(r.t.Context(), headers), 20*time.Second)
	defer cancel()
	var out []byte
	if !streams {
		return r.connection.Invoke(ctx, path, &data, &out, grpc.ForceCodec(rawCodec{}))
	}
	stream, err := r.connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, path, grpc.ForceCodec(rawCodec{}))
	if err != nil {
		return err
	}
	if err := stream.SendMsg(&data); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return stream.RecvMsg(&out)
}
