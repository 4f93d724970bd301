package simulator

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
)

// maxBody is how long the body of a request may be, in bytes, before and after it is unpacked. Graph takes 4 MB.
const maxBody = 4 << 20

// body reads what a client has posted, which Microsoft's SDK packs with gzip.
func (c *call) body() ([]byte, *problem) {
	in := io.Reader(http.MaxBytesReader(c.out, c.r.Body, maxBody))
	switch coding := strings.ToLower(strings.TrimSpace(c.r.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, unreadable(err)
		}
		in = unpacked
	default:
		return nil, refuse(http.StatusUnsupportedMediaType, "UnsupportedMediaType",
			"The content encoding '%s' is not supported.", coding)
	}
	b, err := io.ReadAll(io.LimitReader(in, maxBody+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if len(b) > maxBody {
		return nil, tooLarge()
	}
	return b, nil
}

func unreadable(err error) *problem {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return tooLarge()
	}
	return badRequest("Unable to read JSON request payload. " +
		"Please ensure Content-Type header is set and payload is of valid JSON format.")
}

func tooLarge() *problem {
	return refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request entity is larger than 4 MB.")
}
