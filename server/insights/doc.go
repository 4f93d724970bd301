// Package insights answers the contract over gRPC: it checks requests, asks the
// directory of the caller's tenant, and puts its answers and errors into the
// contract's words. It knows neither Microsoft Graph nor where a directory comes
// from.
package insights
