package graph_test

import (
	"encoding/json"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/graph"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// start serves a directory and returns a client of it.
func start(t *testing.T, config simulator.Config, directory *simulator.Directory, change ...func(*graph.Config)) (*graph.Client, *simulator.Simulator) {
	t.Helper()
	sim, err := simulator.New(config, directory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	endpoint, err := graph.NewEndpoint(sim.GraphURL(), sim.AuthorityURL())
	if err != nil {
		t.Fatal(err)
	}
	app := simulator.DefaultApp()
	asked := graph.Config{
		Endpoint:   endpoint,
		Credential: graph.Credential{TenantID: sim.TenantID(), ClientID: app.ID, ClientSecret: app.Secret},
		CAPEM:      sim.CAPEM(),
	}
	for _, c := range change {
		c(&asked)
	}
	client, err := graph.New(asked)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client, sim
}

// TestSource runs the suite of sources over https, by the ways in which Graph may
// behave.
func TestSource(t *testing.T) {
	for name, config := range map[string]simulator.Config{
		"plain":               {},
		"small pages, twice":  {DeltaPageSize: 2, DeltaLinkSize: 3, Replay: true, EmptyPages: true},
		"joined filters fail": {RefuseJoinedFilters: true},
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T) sourcetest.Tenant {
				directory := simulator.NewDirectory()
				client, sim := start(t, config, directory)
				expiry := simulator.GoneWithLocation
				return sourcetest.Tenant{
					Source: client,
					Put: func(p cache.Person) {
						if err := directory.Put(resource(t, p)); err != nil {
							t.Fatal(err)
						}
						if err := directory.RemovePhoto(p.Profile.GetId()); err != nil { // the simulator draws one
							t.Fatal(err)
						}
					},
					Remove: func(id string) {
						if err := directory.Delete(id); err != nil {
							t.Fatal(err)
						}
					},
					PutGroup: func(g cache.Group, members ...string) {
						if err := directory.PutGroup(groupResource(t, g, members)); err != nil {
							t.Fatal(err)
						}
					},
					RemoveGroup: func(id string) {
						if err := directory.DeleteGroup(id); err != nil {
							t.Fatal(err)
						}
					},
					PutContact: func(c cache.Contact) {
						if err := directory.PutOrgContact(contactResource(t, c)); err != nil {
							t.Fatal(err)
						}
					},
					RemoveContact: func(id string) {
						if err := directory.DeleteOrgContact(id); err != nil {
							t.Fatal(err)
						}
					},
					PutRich: func(id string, p *pb.Profile) {
						if err := directory.Patch(id, richResource(t, p)); err != nil {
							t.Fatal(err)
						}
					},
					PutPhoto: func(id string, photo *cache.Photo) {
						err := directory.RemovePhoto(id)
						if photo != nil {
							err = directory.SetPhoto(id, photo.Data)
						}
						if err != nil {
							t.Fatal(err)
						}
					},
					LoseTokens: func() { sim.ExpireDeltaTokens(expiry) },
				}
			})
		})
	}
}

// resource is a person as Graph tells of them.
func resource(t *testing.T, p cache.Person) []byte {
	t.Helper()
	profile := p.Profile
	proxies := []string{"X500:/o=Contoso/ou=Exchange/cn=" + profile.GetId(), "SIP:" + profile.GetEmail()}
	for i, address := range p.Proxies {
		proxies = append(proxies, map[bool]string{true: "SMTP:", false: "smtp:"}[i == 0]+address)
	}
	user := map[string]any{
		"id": profile.GetId(), "displayName": profile.GetDisplayName(), "userPrincipalName": profile.GetUserPrincipalName(),
		"proxyAddresses": proxies, "otherMails": p.OtherMails, "businessPhones": profile.GetBusinessPhones(),
		"accountEnabled":    profile.GetAccountState() == pb.AccountState_ACCOUNT_STATE_ENABLED,
		"showInAddressList": map[bool]any{true: false, false: nil}[p.Unlisted],
		"userType":          map[bool]any{true: "Guest", false: "Member"}[profile.GetUserType() == pb.UserType_USER_TYPE_GUEST],
	}
	for name, value := range map[string]string{
		"givenName": profile.GetGivenName(), "surname": profile.GetSurname(), "mail": profile.GetEmail(),
		"jobTitle": profile.GetJobTitle(), "department": profile.GetDepartment(), "companyName": profile.GetCompanyName(),
		"officeLocation": profile.GetOfficeLocation(), "streetAddress": profile.GetStreet(), "city": profile.GetCity(),
		"state": profile.GetState(), "country": profile.GetCountry(), "postalCode": profile.GetPostalCode(),
		"preferredLanguage": profile.GetPreferredLanguage(), "mobilePhone": profile.GetMobilePhone(),
		"employeeId": profile.GetEmployeeId(), "employeeType": profile.GetEmployeeType(),
		"employeeHireDate": profile.GetHireDate(), "managerId": p.ManagerID,
	} {
		if name == "employeeHireDate" && value != "" {
			value += "T00:00:00Z"
		}
		if value != "" {
			user[name] = value
		}
	}
	data, err := json.Marshal(user)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// groupResource is a group as Graph tells of it.
func groupResource(t *testing.T, g cache.Group, members []string) []byte {
	t.Helper()
	group := map[string]any{
		"id": g.ID, "displayName": g.DisplayName, "mailEnabled": g.Mail, "securityEnabled": g.Security,
		"groupTypes": []string{}, "resourceProvisioningOptions": []string{}, "visibility": "Private",
		"memberIds": append([]string{}, members...),
	}
	if g.Email != "" {
		group["mail"] = g.Email
		group["proxyAddresses"] = []string{"SMTP:" + g.Email, "SIP:" + g.Email}
	}
	if g.Unified {
		group["groupTypes"] = []string{"DynamicMembership", "Unified"}
	}
	if g.Team {
		group["resourceProvisioningOptions"] = []string{"Team"}
	}
	if g.Hidden {
		group["visibility"] = "HiddenMembership"
	}
	data, err := json.Marshal(group)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// contactResource is a contact of the address book as Graph tells of it.
func contactResource(t *testing.T, c cache.Contact) []byte {
	t.Helper()
	contact := map[string]any{"id": c.ID, "displayName": c.DisplayName}
	for name, value := range map[string]string{
		"givenName": c.GivenName, "surname": c.Surname, "mail": c.Email, "jobTitle": c.JobTitle,
		"department": c.Department, "companyName": c.Company,
	} {
		if value != "" {
			contact[name] = value
		}
	}
	if c.Office != "" {
		contact["addresses"] = []map[string]string{{"officeLocation": c.Office}}
	}
	var proxies []string
	for i, address := range c.Proxies {
		proxies = append(proxies, map[bool]string{true: "SMTP:", false: "smtp:"}[i == 0]+address)
	}
	if proxies != nil {
		contact["proxyAddresses"] = proxies
	}
	data, err := json.Marshal(contact)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// richResource is what somebody has written of themselves, as Graph tells of it.
func richResource(t *testing.T, p *pb.Profile) []byte {
	t.Helper()
	lists := map[string][]string{
		"skills": p.GetSkills(), "interests": p.GetInterests(), "responsibilities": p.GetResponsibilities(),
		"pastProjects": p.GetPastProjects(), "schools": p.GetSchools(),
	}
	written := map[string]any{"aboutMe": p.GetAboutMe()}
	for name, list := range lists {
		written[name] = append([]string{}, list...)
	}
	data, err := json.Marshal(written)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
