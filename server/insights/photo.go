package insights

import (
	"context"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// maxETag bounds how long an etag of a caller's may be, in characters.
const maxETag = 200

// photoEdges are the sizes of photos by their edge, in pixels.
var photoEdges = map[pb.PhotoSize]int{
	pb.PhotoSize_PHOTO_SIZE_UNSPECIFIED: 240,
	pb.PhotoSize_PHOTO_SIZE_48:          48,
	pb.PhotoSize_PHOTO_SIZE_64:          64,
	pb.PhotoSize_PHOTO_SIZE_96:          96,
	pb.PhotoSize_PHOTO_SIZE_120:         120,
	pb.PhotoSize_PHOTO_SIZE_240:         240,
	pb.PhotoSize_PHOTO_SIZE_360:         360,
	pb.PhotoSize_PHOTO_SIZE_432:         432,
	pb.PhotoSize_PHOTO_SIZE_504:         504,
	pb.PhotoSize_PHOTO_SIZE_648:         648,
}

// GetProfilePhoto answers with one person's photo.
func (s *Service) GetProfilePhoto(ctx context.Context, in *pb.GetProfilePhotoRequest) (*pb.GetProfilePhotoResponse, error) {
	var bad invalid
	ref := bad.person("person", in.GetPerson())
	edge, known := photoEdges[in.GetSize()]
	if !known {
		bad.add("size", "must be a value of PhotoSize, such as PHOTO_SIZE_240")
	}
	bad.text("if_none_match", in.GetIfNoneMatch(), maxETag)
	if err := bad.err(); err != nil {
		return nil, err
	}
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	photo, err := directory.Photo(ctx, ref, edge)
	if err != nil {
		return nil, showsNot(ctx, directory, ref, err)
	}
	if err := showsRef(ctx, directory, ref); err != nil {
		return nil, err
	}
	shown(ctx, photo.ID)
	out := &pb.GetProfilePhotoResponse{
		Data:        photo.Photo.Data,
		ContentType: photo.Photo.ContentType,
		Etag:        photo.ETag,
		Width:       int32(photo.Width),
		Height:      int32(photo.Height),
		Freshness:   photo.Freshness,
	}
	if in.GetIfNoneMatch() == photo.ETag && photo.ETag != "" {
		out.Data, out.NotModified = nil, true
	}
	return out, nil
}
