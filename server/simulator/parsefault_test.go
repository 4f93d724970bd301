package simulator

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParseFault(t *testing.T) {
	for text, want := range map[string]Fault{
		"status=503":  {Status: 503},
		"cut":         {Cut: true},
		" cut ":       {Cut: true},
		"delay=150ms": {Delay: 150 * time.Millisecond},
		"path=/users/delta,status=503,times=3,delay=2s,retry-after=5,cut,after=1,code=c,message=m,location=https://x/?a=b,content-type=text/html,body=<b>": {
			Path: "/users/delta", Status: 503, Times: 3, Delay: 2 * time.Second, RetryAfter: "5", Cut: true, After: 1, Code: "c",
			Message: "m", Location: "https://x/?a=b", ContentType: "text/html", Body: []byte("<b>"),
		},
		`status=400, body={"error":{"code":"x"},"a\,":1},cut`: {Status: 400, Body: []byte(`{"error":{"code":"x"},"a\,":1},cut`)},
		"status=503,body=": {Status: 503, Body: []byte{}},
		`path=$select=id\,mail\\,status=500,message=`: {Path: `$select=id,mail\`, Status: 500},
		`status=500,message=a\b\`:                     {Status: 500, Message: `a\b\`},
		"status=429,retry-after=0.5":                  {Status: 429, RetryAfter: "0.5"},
	} {
		if got, err := ParseFault(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", text, got, err, want)
		}
	}
}

func TestParseFaultRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "the fault is empty",
		"  ":                        "the fault is empty",
		"path=/users":               "nothing goes wrong; want a status, a delay or cut",
		"delay=0s":                  "nothing goes wrong",
		"status":                    "status has no value; want status=…",
		"status=":                   `status: "" is not a whole number`,
		"status=abc":                `status: "abc" is not a whole number`,
		"status=99":                 "status is 99; want 200 to 599",
		"status=199":                "status is 199; want 200 to 599",
		"status=600":                "status is 600; want 200 to 599",
		"status=-1":                 "status is -1; want 200 to 599",
		"status=503,times=-1":       "times is negative",
		"status=503,times=1.5":      `times: "1.5" is not a whole number`,
		"status=503,after=-1":       "after is negative",
		"status=503,after=x":        `after: "x" is not a whole number`,
		"delay=2":                   `delay: "2" is not a time such as 2s or 150ms`,
		"delay=-2s":                 "delay is negative",
		"cut=true":                  "cut takes no value",
		"status=503,":               "nothing between two commas",
		"status=503,,cut":           "nothing between two commas",
		"=5":                        `unknown key ""`,
		"status=503,message=a, b":   `unknown key "b"; want path, after`,
		"Status=503":                `unknown key "Status"`,
		"status=503,status=504":     "status is given twice",
		"status=503,cut,cut":        "cut is given twice",
		"cut,code=x":                "code has no effect without a status",
		"cut,message=x":             "message has no effect without a status",
		"cut,retry-after=5":         "Retry-After has no effect without a status",
		"cut,location=x":            "location has no effect without a status",
		"cut,body=x":                "body has no effect without a status",
		"status=503,content-type=x": "the content type belongs to a body",
	} {
		f, err := ParseFault(text)
		if err == nil || !strings.Contains(err.Error(), want) || !reflect.DeepEqual(f, Fault{}) {
			t.Errorf("%q: %+v, %v; want %s", text, f, err, want)
		}
	}
}

// faultText writes a fault as ParseFault reads it.
func faultText(f Fault) string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			value = strings.ReplaceAll(strings.ReplaceAll(value, `\`, `\\`), ",", `\,`)
			parts = append(parts, key+"="+value)
		}
	}
	add("path", f.Path)
	add("after", strconv.Itoa(f.After))
	add("times", strconv.Itoa(f.Times))
	add("delay", f.Delay.String())
	add("status", strconv.Itoa(f.Status))
	add("code", f.Code)
	add("message", f.Message)
	add("retry-after", f.RetryAfter)
	add("location", f.Location)
	add("content-type", f.ContentType)
	if f.Cut {
		parts = append(parts, "cut")
	}
	if f.Body != nil {
		parts = append(parts, "body="+string(f.Body))
	}
	return strings.Join(parts, ",")
}

func FuzzParseFault(f *testing.F) {
	for _, text := range []string{"path=/users/delta,status=503,times=3,delay=2s,retry-after=5", `cut,message=a\,b`, "status=500,body=x,y=z", ",=\\", "delay=1h,after=2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := ParseFault(text)
		if err != nil {
			if !reflect.DeepEqual(fault, Fault{}) {
				t.Errorf("%q: %+v with the error %v", text, fault, err)
			}
			return
		}
		if fault.Status == 0 && fault.Delay == 0 && !fault.Cut {
			t.Errorf("%q does nothing", text)
		}
		again, err := ParseFault(faultText(fault))
		if err != nil || !reflect.DeepEqual(again, fault) {
			t.Errorf("%q: written again it is %+v, %v, want %+v", text, again, err, fault)
		}
	})
}
