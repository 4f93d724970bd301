package simulator

import (
	"bytes"
	"runtime"
	"testing"
)

// BenchmarkList reads 20,000 invented people over https in pages of 999, with the properties of a profile and the
// manager. It reports people a second, client included.
func BenchmarkList(b *testing.B) {
	c := start(b, Config{}, Invent(20_000, 1))
	const query = "/users?$top=999&$expand=manager($select=id)&$select=id,displayName,givenName,surname,mail,userPrincipalName," +
		"proxyAddresses,otherMails,jobTitle,department,companyName,officeLocation,city,country,businessPhones,mobilePhone,employeeId," +
		"accountEnabled,userType,showInAddressList"
	people := 0
	b.ReportAllocs()
	for b.Loop() {
		for path := query; path != ""; {
			a := c.get(path)
			people += bytes.Count(a.body, []byte(`"displayName"`))
			path = nextOf(a.body)
		}
	}
	b.ReportMetric(float64(people)/b.Elapsed().Seconds(), "people/s")
}

// nextOf finds the next link without decoding the page.
func nextOf(body []byte) string {
	_, rest, ok := bytes.Cut(body[:min(len(body), 2000)], []byte(`"@odata.nextLink":"`))
	if !ok {
		return ""
	}
	link, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(link)
}

// BenchmarkFilter looks an address up in a tenant of 100,000 by a filter, which looks at everybody.
func BenchmarkFilter(b *testing.B) {
	c := start(b, Config{}, Invent(100_000, 1))
	for b.Loop() {
		c.get("/users?$filter=proxyAddresses/any(p:p eq 'smtp:nobody@contoso.com')")
	}
}

// BenchmarkInvent makes tenants of 100,000 and reports what a person costs.
func BenchmarkInvent(b *testing.B) {
	var before, after runtime.MemStats
	people := 0
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		d := Invent(100_000, 1)
		runtime.GC()
		runtime.ReadMemStats(&after)
		people = d.Len() // and d is alive until here
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(people), "B/person")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(people), "ns/person")
}
