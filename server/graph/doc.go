// Package graph asks Microsoft Graph. It is the only door to Microsoft's SDK,
// whose request builders, sign-in and transport it uses, and it implements
// cache.Source.
//
// Two things of the SDK are left out on purpose. Its retry, compression and
// random middleware order: the list is explicit here and there is one retry
// policy, in get. And its models: they take ten times the memory of what we keep
// and cannot tell a property that is null from one that was not sent, so pages
// are decoded straight from the response.
package graph
