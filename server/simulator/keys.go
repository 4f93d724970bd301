package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"sync"
)

// signingKeys are what the sign-in signs tokens for other APIs with: one key of each kind, and the pair before them, which
// is still published. They are made when they are first needed, for RSA's take a while.
type signingKeys struct {
	mu   sync.Mutex
	pair *keyPair // nil until then
	past *keyPair // nil until the first rotation
}

// keyPair is a key for RS256, as Microsoft uses it, and one for ES256, each with the id that tokens name it by.
type keyPair struct {
	rsa, ecdsa     crypto.Signer
	rsaID, ecdsaID string
}

func newKeyPair() (*keyPair, error) {
	byRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	byECDSA, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return &keyPair{byRSA, byECDSA, rand.Text(), rand.Text()}, nil
}

func (k *signingKeys) current() (*keyPair, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.currentLocked()
}

func (k *signingKeys) currentLocked() (pair *keyPair, err error) {
	if k.pair == nil {
		k.pair, err = newKeyPair()
	}
	return k.pair, err
}

func (k *signingKeys) rotate() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	before, err := k.currentLocked()
	if err != nil {
		return err
	}
	after, err := newKeyPair()
	if err != nil {
		return err
	}
	k.pair, k.past = after, before
	return nil
}

// RotateKeys has the sign-in sign tokens for other APIs with new keys from now on. The keys before them stay published
// until the next rotation, as Microsoft does it; those before these are gone.
func (s *Simulator) RotateKeys() error { return s.keys.rotate() }

// published returns the JSON Web Key Set.
func (k *signingKeys) published() (map[string]any, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	pair, err := k.currentLocked()
	if err != nil {
		return nil, err
	}
	set := pair.jwks()
	if k.past != nil {
		set = append(set, k.past.jwks()...)
	}
	return map[string]any{"keys": set}, nil
}

// jwks are the public halves. Microsoft's say nothing of the algorithm, so neither do these.
func (p *keyPair) jwks() []map[string]any {
	byRSA, byECDSA := p.rsa.Public().(*rsa.PublicKey), p.ecdsa.Public().(*ecdsa.PublicKey)
	point, err := byECDSA.Bytes()
	if err != nil {
		panic("simulator: a key of P-256 without a point: " + err.Error())
	}
	return []map[string]any{
		{"kty": "RSA", "use": "sig", "kid": p.rsaID, "n": base64url(byRSA.N.Bytes()), "e": base64url(big.NewInt(int64(byRSA.E)).Bytes())},
		{"kty": "EC", "use": "sig", "kid": p.ecdsaID, "crv": "P-256", "x": base64url(point[1:33]), "y": base64url(point[33:])},
	}
}

// signature signs as RS256 or ES256 does.
func (p *keyPair) signature(algorithm string, text []byte) ([]byte, error) {
	sum := sha256.Sum256(text)
	if algorithm == "RS256" {
		return p.rsa.Sign(rand.Reader, sum[:], crypto.SHA256)
	}
	r, s, err := ecdsa.Sign(rand.Reader, p.ecdsa.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
