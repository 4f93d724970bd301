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
func (d *Directory) Rich(ctx context.Context, id string) (*pb.Profile, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
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
	return m.profile, nil
}

// flyRich asks the source what somebody has written, remembers it, and lands the flight.
func (d *Directory) flyRich(ctx context.Context, id string, f *flight[*memory]) {
	var m *memory
	var err error
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
			d.memo.put("rich:"+id, m, d.config.RichTTL)
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
