package simulator

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"io"
)

// photoCells is how many cells a drawn photo has each way, with an empty one at each edge.
const photoCells = 7

// encodeSquare draws a photo: a coloured pattern that is its own mirror, on light ground. The seed decides colour and
// pattern, so that one person's sizes look alike and two people's do not. 648 pixels take about 10 ms, 48 a tenth of one.
func encodeSquare(w io.Writer, seed guid, edge int) error {
	img := image.NewYCbCr(image.Rect(0, 0, edge, edge), image.YCbCrSubsampleRatio420)
	k := lot(seed, "colour")
	y, cb, cr := color.RGBToYCbCr(uint8(k)%160+20, uint8(k>>8)%160+20, uint8(k>>16)%160+20)
	pattern := lot(seed, "pattern")
	dark := func(x, row int) bool {
		x, row = x*photoCells/edge, row*photoCells/edge
		x = min(x, photoCells-1-x)
		return x > 0 && row > 0 && row < photoCells-1 && pattern>>(3*row+x)&1 == 1
	}
	for row := range edge {
		for x := range edge {
			light := uint8(230)
			if dark(x, row) {
				light = y
			}
			img.Y[row*img.YStride+x] = light
		}
	}
	for row := 0; row < edge; row += 2 {
		for x := 0; x < edge; x += 2 {
			at := img.COffset(x, row)
			img.Cb[at], img.Cr[at] = 128, 128
			if dark(x, row) {
				img.Cb[at], img.Cr[at] = cb, cr
			}
		}
	}
	return jpeg.Encode(w, img, nil)
}

// encodeScaled cuts the square out of the middle of a JPEG and makes it smaller.
func encodeScaled(w io.Writer, picture []byte, edge int) error {
	whole, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		return err
	}
	b := whole.Bounds()
	side := min(b.Dx(), b.Dy())
	left, top := b.Min.X+(b.Dx()-side)/2, b.Min.Y+(b.Dy()-side)/2
	img := image.NewRGBA(image.Rect(0, 0, edge, edge))
	for y := range edge {
		for x := range edge {
			img.Set(x, y, whole.At(left+x*side/edge, top+y*side/edge))
		}
	}
	return jpeg.Encode(w, img, nil)
}
