package auth_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/peopleinsights/peopleinsights/server/auth"
)

// mint is an issuer that signs whatever it is given, byte for byte.
type mint struct {
	*auth.Verifier
	key    *rsa.PrivateKey
	issuer string
}

// The claims of a mint's tokens.
const (
	mintTenant   = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
	mintAudience = "api://people-insights"
	mintObject   = "9b2f1c0e-7d44-4f0a-8a51-5d9f2f4f3c11"
)

func newMint(t testing.TB) mint {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	m := mint{key: key}
	encode := base64.RawURLEncoding.EncodeToString
	one := map[string]any{"kty": "RSA", "use": "sig", "kid": "k", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes())}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any = map[string]any{"keys": []any{one, one}} // the same key twice
		if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
			answer = map[string]any{"issuer": m.issuer, "jwks_uri": strings.TrimSuffix(m.issuer, "/t") + "/keys"}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	m.issuer = server.URL + "/t"
	m.Verifier, err = auth.NewVerifier(auth.Config{
		Tenants: []auth.TenantConfig{{
			ID: mintTenant, Issuers: []string{m.issuer}, Audiences: []string{mintAudience},
			CAPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// header and claims are those of a good token. Changes replace the value of a name, or take it
// away where they have none: "exp" or `exp:1e400`.
func (m mint) header(changes ...string) string {
	return object([][2]string{{"alg", `"RS256"`}, {"typ", `"JWT"`}, {"kid", `"k"`}}, changes)
}

func (m mint) claims(changes ...string) string {
	now := time.Now().Unix()
	return object([][2]string{{"iss", fmt.Sprintf("%q", m.issuer)}, {"aud", fmt.Sprintf("%q", mintAudience)}, {"tid", fmt.Sprintf("%q", mintTenant)},
		{"oid", fmt.Sprintf("%q", mintObject)}, {"sub", fmt.Sprintf("%q", mintObject)}, {"idtyp", `"app"`}, {"roles", `["PeopleInsights.Client"]`},
		{"iat", fmt.Sprint(now)}, {"nbf", fmt.Sprint(now)}, {"exp", fmt.Sprint(now + 3600)}}, changes)
}

func object(said [][2]string, changes []string) string {
	var parts []string
	changed := make(map[string]bool)
	for _, change := range changes {
		name, value, ok := strings.Cut(change, ":")
		changed[name] = true
		if ok {
			parts = append(parts, fmt.Sprintf("%q:%s", name, value))
		}
	}
	for _, pair := range said {
		if !changed[pair[0]] {
			parts = append(parts, fmt.Sprintf("%q:%s", pair[0], pair[1]))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// sign makes a token of a header and claims, whatever they are.
func (m mint) sign(header, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, m.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (m mint) by(token string) (auth.Caller, error) {
	return m.Identify(metadata.NewIncomingContext(context.Background(), metadata.MD{"authorization": {"Bearer " + token}}))
}

// signed tells by other means than the verifier's whether the mint has signed a token.
func (m mint) signed(token string) bool {
	text, last, _ := cutLast(token, ".")
	signature, err := base64.RawURLEncoding.DecodeString(last)
	sum := sha256.Sum256([]byte(text))
	return err == nil && rsa.VerifyPKCS1v15(&m.key.PublicKey, crypto.SHA256, sum[:], signature) == nil
}

func cutLast(text, separator string) (before, after string, found bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}

// TestSignedTokens has tokens that the issuer has signed, and that say what no token should.
func TestSignedTokens(t *testing.T) {
	m := newMint(t)
	if caller, err := m.by(m.sign(m.header(), m.claims())); err != nil || caller.Subject != "app:"+mintObject || caller.Roles != auth.Client {
		t.Fatalf("a good token is of %+v, %v", caller, err)
	}
	stranger := newMint(t)
	encode := base64.RawURLEncoding.EncodeToString
	attackers := fmt.Sprintf(`{"kty":"RSA","kid":"k","n":%q,"e":"AQAB"}`, encode(stranger.key.N.Bytes()))
	good := m.sign(m.header(), m.claims())
	for _, row := range []struct {
		what, token string
		good        bool
	}{
		{"keys that the header brings", stranger.sign(stranger.header("jwk:"+attackers), m.claims()), false},
		{"keys that the header leads to", stranger.sign(stranger.header(`jku:"`+stranger.issuer+`/keys"`), m.claims()), false},
		{"certificates that the header leads to", stranger.sign(stranger.header(`x5u:"`+stranger.issuer+`/x5u"`), m.claims()), false},
		{"certificates that the header brings", stranger.sign(stranger.header(`x5c:["AA=="]`), m.claims()), false},
		{"a critical header that nobody knows", m.sign(m.header(`crit:["urgent"]`, "urgent:1"), m.claims()), false},
		{"a payload that is not encoded", m.sign(m.header(`crit:["b64"]`, "b64:false"), m.claims()), false},
		{"a key id that is a number", m.sign(m.header("kid:7"), m.claims()), false},
		{"a key id that is a path", m.sign(m.header(`kid:"../../keys"`), m.claims()), false},
		{"an empty key id", m.sign(m.header(`kid:""`), m.claims()), false},
		{"a header that is a list", m.sign("[]", m.claims()), false},
		{"a header of two objects", m.sign(m.header()+m.header(), m.claims()), false},
		{"another token within", m.sign(m.header(`cty:"JWT"`), good), false},
		{"encrypted", m.sign(m.header(`alg:"RSA-OAEP"`, `enc:"A256GCM"`), m.claims()), false},
		{"five parts of an encrypted one", encode([]byte(`{"alg":"RSA-OAEP","enc":"A256GCM"}`)) + ".AAAA.AAAA.AAAA.AAAA", false},
		{"PS256", m.sign(m.header(`alg:"PS256"`), m.claims()), false},
		{"RS512", m.sign(m.header(`alg:"RS512"`), m.claims()), false},
		{"an issuer with a slash", m.sign(m.header(), m.claims(`iss:"`+m.issuer+`/"`)), false},
		{"an issuer with a blank", m.sign(m.header(), m.claims(`iss:"`+m.issuer+` "`)), false},
		{"an issuer twice", m.sign(m.header(), strings.Replace(m.claims(), "{", `{"iss":"`+stranger.issuer+`",`, 1)), false},
		{"a tenant twice", m.sign(m.header(), strings.Replace(m.claims(), "{", `{"tid":"11111111-2222-4333-8444-555555555555",`, 1)), false},
		{"roles twice", m.sign(m.header(), strings.Replace(m.claims(), "{", `{"roles":["PeopleInsights.Operator"],`, 1)), false},
		{"the tenant in other letters", m.sign(m.header(), m.claims("tid", `TID:"`+mintTenant+`"`)), false},
		{"a tenant with a NUL", m.sign(m.header(), m.claims(`tid:"`+mintTenant+`\u0000"`)), false},
		{"a tenant that is a list", m.sign(m.header(), m.claims(`tid:["`+mintTenant+`"]`)), false},
		{"an audience with a NUL", m.sign(m.header(), m.claims(`aud:"`+mintAudience+`\u0000"`)), false},
		{"audiences among numbers", m.sign(m.header(), m.claims(`aud:["`+mintAudience+`",7]`)), false},
		{"audiences within audiences", m.sign(m.header(), m.claims(`aud:[["`+mintAudience+`"]]`)), false},
		{"an audience that begins well", m.sign(m.header(), m.claims(`aud:"`+mintAudience+`-admin"`)), false},
		{"an audience of null", m.sign(m.header(), m.claims("aud:null")), false},
		{"an end of 1e400", m.sign(m.header(), m.claims("exp:1e400")), false},
		{"an end of -1e400", m.sign(m.header(), m.claims("exp:-1e400")), false},
		{"an end of null", m.sign(m.header(), m.claims("exp:null")), false},
		{"an end that is text", m.sign(m.header(), m.claims(`exp:"99999999999"`)), false},
		{"an end of yes", m.sign(m.header(), m.claims("exp:true")), false},
		{"an end in hexadecimal", m.sign(m.header(), m.claims("exp:0xffffffff")), false},
		{"an end at zero", m.sign(m.header(), m.claims("exp:0")), false},
		{"a beginning of 1e400", m.sign(m.header(), m.claims("nbf:1e400")), false},
		{"a beginning of 1e300", m.sign(m.header(), m.claims("nbf:1e300")), false},
		{"a beginning that is text", m.sign(m.header(), m.claims(`nbf:"0"`)), false},
		{"issued in 1e300", m.sign(m.header(), m.claims("iat:1e300")), false},
		{"roles that are an object", m.sign(m.header(), m.claims(`roles:{"PeopleInsights.Client":true}`)), false},
		{"roles among numbers", m.sign(m.header(), m.claims(`roles:["PeopleInsights.Client",7]`)), false},
		{"an object id that is a path", m.sign(m.header(), m.claims(`oid:"../users/`+mintObject+`"`)), false},
		{"an object id that is an address", m.sign(m.header(), m.claims(`oid:"ana@contoso.com"`)), false},
		{"an object id with a NUL", m.sign(m.header(), m.claims(`oid:"`+mintObject+`\u0000"`)), false},
		{"a user's object id that is a path", m.sign(m.header(), m.claims(`oid:"x/../y"`, `scp:"PeopleInsights.Read"`, "idtyp")), false},
		{"neither object id nor subject", m.sign(m.header(), m.claims("oid", "sub")), false},
		{"a subject alone, of no kind", m.sign(m.header(), m.claims("oid", "idtyp")), false},
		{"an ID token", m.sign(m.header(), m.claims("idtyp", `sub:"x"`, `nonce:"n"`)), false},
		{"claims that are not UTF-8", m.sign(m.header(), strings.Replace(m.claims(), "PeopleInsights.Client", "\xff", 1)), false},
		{"claims in UTF-16", m.sign(m.header(), "\xff\xfe{\x00}\x00"), false},
		{"claims behind a byte order mark", m.sign(m.header(), "\xef\xbb\xbf"+m.claims()), false},
		{"text behind the claims", m.sign(m.header(), m.claims()+"x"), false},
		{"claims that are a text", m.sign(m.header(), `"x"`), false},
		{"claims that are null", m.sign(m.header(), "null"), false},
		{"no claims", m.sign(m.header(), ""), false},
		{"deep claims", m.sign(m.header(), m.claims("x:"+strings.Repeat("[", 3000))), false},
		{"padding", good + "=", false},
		{"a line break", good[:40] + "\n" + good[40:], false},
		{"a NUL behind", good + "\x00", false},
		{"standard base64", strings.NewReplacer("-", "+", "_", "/").Replace(good) + "+/", false},
		{"the signature of another", good[:strings.LastIndex(good, ".")] + m.sign(m.header(), m.claims("x:1"))[strings.LastIndex(good, "."):], false},

		{"an end in a fraction of a second", m.sign(m.header(), m.claims("exp:99999999999.5")), true},
		{"an end in 1e300", m.sign(m.header(), m.claims("exp:1e300")), true},
		{"claims that nobody knows", m.sign(m.header(`x5t:"abc"`), m.claims(`xms_cc:["cp1"]`, `wids:[{"a":1}]`)), true},
		{"roles that nobody knows", m.sign(m.header(), m.claims(`roles:["PeopleInsights.Client","X"]`)), true},
		{"the object id in capitals", m.sign(m.header(), m.claims(`oid:"`+strings.ToUpper(mintObject)+`"`)), true},
	} {
		caller, err := m.by(row.token)
		if (err == nil) != row.good || row.good && (caller.Roles != auth.Client || caller.Subject != "app:"+mintObject) {
			t.Errorf("%s: %+v, %v; want good %v", row.what, caller, err, row.good)
		}
		if err != nil && (caller != (auth.Caller{}) || len(err.Error()) > 200 || strings.Contains(err.Error(), m.issuer)) {
			t.Errorf("%s: %+v, %v; want nobody, and an error that repeats nothing", row.what, caller, err)
		}
	}
}

// FuzzToken has any text be a token: a part of one, or the header and the claims of one that
// the issuer has signed. Nobody is told by what the issuer has not signed, and whoever is told
// is of the tenant and of the one who may be.
func FuzzToken(f *testing.F) {
	m := newMint(f)
	f.Add(false, m.sign(m.header(), m.claims()), "")
	f.Add(true, m.header(), m.claims())
	f.Add(true, m.header(`jwk:{"kty":"oct","k":"AA"}`), m.claims("tid"))
	f.Add(true, m.header(`alg:"none"`), m.claims(`aud:["a","`+mintAudience+`"]`))
	f.Add(true, m.header(`crit:["exp"]`), m.claims("exp:1e400"))
	f.Add(true, m.header(`kid:null`), strings.Replace(m.claims(), "{", `{"iss":"x",`, 1))
	f.Add(true, m.header(), m.claims(`oid:"../x"`, `scp:"PeopleInsights.Read"`, "idtyp"))
	f.Add(true, m.header(), m.claims(`roles:"PeopleInsights.Operator"`))
	f.Add(false, "eyJhbGciOiJub25lIn0.e30.", "")
	f.Add(false, "a.b.c.d.e", "")
	f.Add(false, "\x00..", "")
	f.Fuzz(func(t *testing.T, sign bool, one, other string) {
		token := one
		if sign {
			token = m.sign(one, other)
		}
		caller, err := m.by(token)
		if err != nil {
			if caller != (auth.Caller{}) {
				t.Errorf("%q is nobody's, and of %+v: %v", token, caller, err)
			}
			if len(err.Error()) > 200 || len(one) > 12 && strings.Contains(err.Error(), one) {
				t.Errorf("the error of %q repeats it: %v", token, err)
			}
			return
		}
		if !m.signed(token) {
			t.Errorf("%q is taken, which nobody has signed", token)
		}
		if caller.Tenant != mintTenant || caller.Subject == "" || caller.Expires.IsZero() || caller.Expires.Before(time.Now()) {
			t.Errorf("%q is of %+v", token, caller)
		}
		_, claims, _ := strings.Cut(token, ".")
		claims, _, _ = strings.Cut(claims, ".")
		raw, err := base64.RawURLEncoding.DecodeString(claims)
		var said struct{ Iss, Tid string }
		if err != nil || json.Unmarshal(raw, &said) != nil || said.Iss != m.issuer || !strings.EqualFold(said.Tid, mintTenant) {
			t.Errorf("%q is taken, which says %s", token, raw)
		}
	})
}
