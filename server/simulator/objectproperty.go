package simulator

// knownOfOrgContacts lists the properties of orgContact, as known does those of user. id and displayName are where those of
// user are, so that code for both finds them; so it is in the tables below.
var knownOfOrgContacts = []property{
	{"id", text, byDefault | compares},
	{"displayName", text, byDefault | searchable},

	{"addresses", anything, byDefault},
	{"companyName", text, byDefault | searchable},
	{"department", text, byDefault | searchable},
	{"givenName", text, byDefault | searchable},
	{"jobTitle", text, byDefault | searchable},
	{"mail", text, byDefault | searchable | ends},
	{"mailNickname", text, byDefault | searchable},
	{"onPremisesLastSyncDateTime", moment, byDefault | ordered | advanced},
	{"onPremisesProvisioningErrors", anything, byDefault},
	{"onPremisesSyncEnabled", flag, byDefault | compares},
	{"phones", anything, byDefault},
	{"proxyAddresses", texts, byDefault | searchable | ends},
	{"serviceProvisioningErrors", anything, byDefault},
	{"surname", text, byDefault | searchable},
}

// knownOfDevices lists the properties of device that matter to somebody who meets one among the members of a group.
var knownOfDevices = []property{
	{"id", text, byDefault | compares},
	{"displayName", text, byDefault | searchable},

	{"accountEnabled", flag, byDefault | compares},
	{"deviceId", text, byDefault | compares},
	{"operatingSystem", text, byDefault | searchable},
	{"operatingSystemVersion", text, byDefault | searchable},
	{"trustType", text, byDefault | compares},
}

// knownOfPrincipals does the same for servicePrincipal.
var knownOfPrincipals = []property{
	{"id", text, byDefault | compares},
	{"displayName", text, byDefault | searchable},

	{"accountEnabled", flag, byDefault | compares},
	{"appDisplayName", text, byDefault | compares},
	{"appId", text, byDefault | compares},
	{"servicePrincipalNames", texts, byDefault | searchable},
	{"servicePrincipalType", text, byDefault | compares},
}
