package insights

// SourcesOf is how a response tells what suggestions lack.
var SourcesOf = sourcesOf
