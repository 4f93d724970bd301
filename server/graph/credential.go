package graph

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Credential is how the service signs in. The first way that is set is taken, in
// the order of the fields; with none, the machine's managed identity.
type Credential struct {
	TenantID string // a GUID or a verified domain; required
	ClientID string // the registered app; required but for a system-assigned managed identity
	// ClientSecret is the app's secret.
	ClientSecret string
	// CertificateFile holds the app's certificate and private key, PEM or PKCS #12.
	CertificateFile     string
	CertificatePassword string // of an encrypted key; empty for none
	SendCertificate     bool   // send the chain, for subject-name authentication
	// FederatedTokenFile holds a token of a workload identity, as Kubernetes mounts it.
	FederatedTokenFile string
}

// renewable signs in anew when it is told that its token is of no use: azidentity
// keeps a token for as long as it was issued for, revoked or not.
type renewable struct {
	make    func() (azcore.TokenCredential, error)
	timeout time.Duration // of one sign-in: azidentity has the others wait for it

	mu      sync.Mutex
	current azcore.TokenCredential
	renewed time.Time
}

// GetToken implements azcore.TokenCredential.
func (r *renewable) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	r.mu.Lock()
	current := r.current
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	return current.GetToken(ctx, options)
}

// renewEach is how often a token is replaced at most: the sign-in takes it ill to be
// asked for the same token again and again (AADSTS50196).
const renewEach = 2 * time.Second

// renew forgets the token, unless it is new: then somebody else has forgotten the one
// that was refused.
func (r *renewable) renew() error {
	r.mu.Lock()
	fresh := time.Since(r.renewed) < renewEach && r.current != nil
	r.mu.Unlock()
	if fresh {
		return nil
	}
	return r.replace()
}

// replace makes a credential that has no token yet.
func (r *renewable) replace() error {
	fresh, err := r.make()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current, r.renewed = fresh, time.Now()
	return nil
}

// managed tells whether nothing is set, so that the machine's identity signs in.
func (c Credential) managed() bool {
	return c.ClientSecret == "" && c.CertificateFile == "" && c.FederatedTokenFile == ""
}

// token returns the credential that azidentity makes of c.
func (c Credential) token(e Endpoint, client *http.Client) (azcore.TokenCredential, error) {
	if c.TenantID == "" {
		return nil, errors.New("a tenant id is needed to sign in")
	}
	options := azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: e.Authority + "/"},
		Transport: client,
		Retry:     policy.RetryOptions{MaxRetries: -1}, // get retries
	}
	noDiscovery := !e.knownAuthority()
	switch {
	case c.ClientID == "" && !c.managed():
		return nil, errors.New("a client id is needed to sign in with a secret, a certificate or a workload identity")
	case c.ClientSecret != "":
		return azidentity.NewClientSecretCredential(c.TenantID, c.ClientID, c.ClientSecret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: noDiscovery})
	case c.CertificateFile != "":
		certificates, key, err := c.certificate()
		if err != nil {
			return nil, err
		}
		return azidentity.NewClientCertificateCredential(c.TenantID, c.ClientID, certificates, key,
			&azidentity.ClientCertificateCredentialOptions{
				ClientOptions: options, DisableInstanceDiscovery: noDiscovery, SendCertificateChain: c.SendCertificate,
			})
	case c.FederatedTokenFile != "":
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: noDiscovery,
			TenantID: c.TenantID, ClientID: c.ClientID, TokenFilePath: c.FederatedTokenFile,
		})
	default:
		// The identity's endpoint is plain http on the machine or its host: it takes
		// neither our transport nor our authority.
		managed := &azidentity.ManagedIdentityCredentialOptions{}
		if c.ClientID != "" {
			managed.ID = azidentity.ClientID(c.ClientID)
		}
		return azidentity.NewManagedIdentityCredential(managed)
	}
}

func (c Credential) certificate() ([]*x509.Certificate, crypto.PrivateKey, error) {
	data, err := os.ReadFile(c.CertificateFile)
	if err != nil {
		return nil, nil, fmt.Errorf("the client certificate: %w", err)
	}
	certificates, key, err := azidentity.ParseCertificates(data, []byte(c.CertificatePassword))
	if err != nil {
		return nil, nil, fmt.Errorf("the client certificate %s: %w", c.CertificateFile, err)
	}
	return certificates, key, nil
}
