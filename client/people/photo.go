package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

type photoCommand struct {
	Person string `arg:"" help:"Any address of the person, or their id."`
	Size   int    `enum:"48,64,96,120,240,360,432,504,648" default:"240" help:"The edge in pixels: 48, 64, 96, 120, 240, 360, 432, 504 or 648."`
	Out    string `help:"File to write the image to, or - for standard output. Required, but for -o json."`
}

// Run writes a person's photo.
func (c photoCommand) Run(s *session) error {
	toTerminal := func() bool {
		file, ok := s.out.(*os.File)
		return ok && term.IsTerminal(int(file.Fd()))
	}
	switch {
	case s.json:
	case c.Out == "":
		return fmt.Errorf("--out says where the image goes (%w)", errUsage)
	case c.Out == "-" && toTerminal():
		return fmt.Errorf("an image is nothing for a terminal: give --out a file, or redirect the output (%w)", errUsage)
	}
	out, err := s.client.GetProfilePhoto(s.ctx, &pb.GetProfilePhotoRequest{
		Person: person(c.Person), Size: pb.PhotoSize(pb.PhotoSize_value[fmt.Sprint("PHOTO_SIZE_", c.Size)]),
	})
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(out)
	}
	notes := s.out
	if c.Out == "-" {
		notes = s.notes
		_, err = s.out.Write(out.GetData())
	} else {
		err = os.WriteFile(c.Out, out.GetData(), 0o600)
	}
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	printPhoto(notes, out)
	return nil
}

// printPhoto says what kind of an image it is.
func printPhoto(to io.Writer, p *pb.GetProfilePhotoResponse) {
	size := plural(int64(len(p.GetData())), "byte")
	if p.GetWidth() > 0 {
		size = fmt.Sprintf("%d × %d, %s", p.GetWidth(), p.GetHeight(), size)
	}
	stale := ""
	if p.GetFreshness().GetStale() {
		stale = "stale: Microsoft Graph is failing"
	}
	fmt.Fprintln(to, joined(p.GetContentType(), size, "etag "+p.GetEtag(), stale))
}
