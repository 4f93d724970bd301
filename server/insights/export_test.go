package insights

// SourcesOf is how a response tells what suggestions lack.
var SourcesOf = sourcesOf

// Access is which roles may call each method.
var Access = access
