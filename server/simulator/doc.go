// Package simulator is a made-up tenant that speaks a slice of Microsoft Graph, with its sign-in.
//
// A Simulator listens on one https address with a certificate authority of its own and plays two hosts there: the
// authority, which hands out access tokens for client credentials, and Graph v1.0, which serves users with their profiles
// and photos, the relations between them, groups with their members and owners, directory contacts, delta queries of these
// three, and getByIds; teams with their channels and who is in them; the contacts of mailboxes; and all of it in batches. It
// is meant to be reached as Microsoft is, over TLS and with Microsoft's SDK, so that nothing in a client needs to know the
// difference.
//
// What it serves is a Directory: a small company that comes with the package (Company), a tenant of any size invented
// from a seed (Invent), or a file of Graph resources (Load). A Directory is alive. Put, Patch, Delete, Restore and Purge,
// their likes for groups and directory contacts, AddMember and RemoveMember may be called while it is served, and each of
// them shows in the next delta round. Churn makes many such changes as a tenant sees them. Photos, channels and the contacts
// of mailboxes change with SetPhoto, PutChannel, PutContact and their likes; they have no delta here.
//
// Graph's refusals are part of what is simulated: wrong page sizes, missing headers, unknown properties and missing
// permissions are answered with Graph's status, code and text. Faults that Graph has on a bad day are made on request
// with Fail, RevokeTokens and ExpireDeltaTokens, and Requests tells what a client really asked. Calls are paid in resource
// units out of a Quota, and who is over it is throttled.
//
// The sign-in also issues signed tokens for an API of its own (APIURI), of apps and of users, with its keys published and
// changed on request (IssueToken, RotateKeys), so that a service can verify its callers.
//
// What usually takes days is made to happen with Advance, which moves the tenant's clock, and Behave switches its habits
// while it is served. With Config.AdminListen all of this and the people can also be reached over plain http from another
// program or with curl; GET / there lists the endpoints.
package simulator
