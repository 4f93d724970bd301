package cache

import (
	"context"
	"errors"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Rich returns what a person of the directory has written of themselves: of the profile
// the fields of the rich profile alone are set, none where they have written nothing. It
// is read from the source and kept for RichTTL; that there is no such person, ErrNotFound,
// for AbsenceTTL; other failures are not kept, and a throttling source is not waited for.
func (d Reader) Rich(ctx context.Context, id string) (*pb.Profile, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := d.holding(id)
	sight := d.view.sight(id, r != nil && r.unlisted)
	switch {
	case sight == 0 || r == nil && !d.view.everybody():
		return nil, d.absent()
	case d.isErased(id):
		return nil, ErrNotFound
	case sight&sightRich == 0:
		return &pb.Profile{}, nil // nothing is asked for what is not shown
	}
	m := d.memo.get("rich:" + id)
	if m == nil {
		f, first := d.rich.join(id)
		if first {
			d.inFlight.Go(func() { d.flyRich(ctx, id, f) })
		}
		var err error
		if m, err = f.wait(ctx); err != nil {
			return nil, err
		}
	}
	if m.profile == nil {
		return nil, ErrNotFound
	}
	return d.view.profile(m.profile, sight), nil
}

// flyRich asks the source what somebody has written, remembers it, and lands the flight.
func (d *Directory) flyRich(ctx context.Context, id string, f *flight[*memory]) {
	var m *memory
	var err error
	erasures := d.erasures.Load()
	busy := d.question(ctx, d.config.LookupTimeout, func(ctx context.Context) {
		var written *pb.Profile
		written, err = d.config.Source.Rich(ctx, id)
		err = unanswered(ctx, err, d.config.LookupTimeout)
		switch {
		case errors.Is(err, ErrNotFound):
			m, err = &memory{}, nil
			d.memo.put("rich:"+id, m, d.config.AbsenceTTL)
		case err == nil:
			m = &memory{profile: richOf(written)}
			d.remember("rich:"+id, m, d.config.RichTTL, erasures)
		}
	})
	if busy != nil {
		err = busy
	}
	d.rich.land(id, f, m, err)
}

// richOf is the rich profile of p, and nothing else of it.
func richOf(p *pb.Profile) *pb.Profile {
	return &pb.Profile{
		AboutMe:          p.GetAboutMe(),
		Skills:           p.GetSkills(),
		Interests:        p.GetInterests(),
		Responsibilities: p.GetResponsibilities(),
		PastProjects:     p.GetPastProjects(),
		Schools:          p.GetSchools(),
	}
}
