package simulator

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// Skip and delta tokens carry their whole state, encrypted under a key that lives as long as the simulator. So nothing has
// to be kept for a client that never comes back, and nobody can make a token up or read one.

func newSeal() (cipher.AEAD, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make the key for tokens: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealed encrypts a state. The purpose keeps tokens of one kind from being taken for another.
func (s *Simulator) sealed(purpose string, state any) string {
	b, err := json.Marshal(state)
	if err != nil {
		panic(err) // states are plain structs of this package
	}
	return base64.RawURLEncoding.EncodeToString(s.seal.Seal(nil, nil, b, []byte(purpose)))
}

// opened is the reverse of sealed; ok is false for anything that this simulator has not made.
func (s *Simulator) opened(purpose, token string, state any) (ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return false
	}
	plain, err := s.seal.Open(nil, nil, b, []byte(purpose))
	return err == nil && json.Unmarshal(plain, state) == nil
}
