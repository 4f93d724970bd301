package simulator

// The places of the properties of group that the simulator itself looks at. id and displayName are where those of user
// are, so that code for both finds them.
const (
	propGroupTypes uint16 = iota + 2
	propGroupMail
	propVisibility
)

// knownOfGroups lists the properties of group, as known does those of user.
var knownOfGroups = []property{
	{"id", text, byDefault | compares},
	{"displayName", text, byDefault | searchable},
	{"groupTypes", texts, byDefault | compares},
	{"mail", text, byDefault | searchable},
	{"visibility", text, byDefault},

	{"classification", text, byDefault | searchable},
	{"createdDateTime", moment, byDefault | ordered},
	{"creationOptions", texts, byDefault},
	{"deletedDateTime", moment, byDefault},
	{"description", text, byDefault | searchable | advanced},
	{"expirationDateTime", moment, byDefault | ordered},
	{"isAssignableToRole", flag, byDefault | compares},
	{"mailEnabled", flag, byDefault | compares},
	{"mailNickname", text, byDefault | searchable},
	{"membershipRule", text, byDefault | searchable},
	{"membershipRuleProcessingState", text, byDefault | compares},
	{"onPremisesDomainName", text, byDefault},
	{"onPremisesLastSyncDateTime", moment, byDefault | ordered | advanced},
	{"onPremisesNetBiosName", text, byDefault},
	{"onPremisesProvisioningErrors", anything, byDefault},
	{"onPremisesSamAccountName", text, byDefault | searchable | advanced},
	{"onPremisesSecurityIdentifier", text, byDefault | compares},
	{"onPremisesSyncEnabled", flag, byDefault | compares},
	{"preferredDataLocation", text, byDefault},
	{"preferredLanguage", text, byDefault | searchable},
	{"proxyAddresses", texts, byDefault | searchable | ends},
	{"renewedDateTime", moment, byDefault | ordered},
	{"resourceBehaviorOptions", texts, byDefault},
	{"resourceProvisioningOptions", texts, byDefault | compares | starts},
	{"securityEnabled", flag, byDefault | compares},
	{"securityIdentifier", text, byDefault},
	{"serviceProvisioningErrors", anything, byDefault},
	{"theme", text, byDefault | searchable},
	{"uniqueName", text, byDefault | compares},

	{"assignedLabels", anything, 0},
	{"assignedLicenses", anything, 0},
	{"hasMembersWithLicenseErrors", flag, compares},
	{"licenseProcessingState", anything, 0},

	{"allowExternalSenders", flag, singleOnly},
	{"autoSubscribeNewMembers", flag, singleOnly},
	{"hideFromAddressLists", flag, singleOnly},
	{"hideFromOutlookClients", flag, singleOnly},
	{"isSubscribedByMail", flag, singleOnly},
	{"unseenCount", anything, singleOnly},
}

// groupProperty returns a property of the table above; it is the same in every directory.
func groupProperty(number uint16) field { return field{knownOfGroups[number], number} }
