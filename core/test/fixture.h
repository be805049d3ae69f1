/*
 * fixture.h - a small world in Redis, and a request of each operation in it.
 *
 * Tenant acme: workspace "Target" of user owner, with the members admin
 * (role admin), member, viewer, custom (role billing_x, which it defines) and
 * target, a role spare that nobody holds, a pending invitation of
 * guest@example.com, a sealed blob, and one who was removed;
 * workspace "Neighbour" of user neighbour.  Tenant globex has a workspace
 * "Foreign" of user foreign.  Both are registered as organizations, with a
 * default workspace of user founder.  The partner ats has a workspace
 * "acme-corp" of admin@acme.com with a member target, and is told of what is
 * done from then on.
 */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

#include "driver.h"

struct fixture {
    char target[24];        /* ids; none of the other tenant's has this one */
    char neighbour[24];
    char partner_key[64];   /* of ats */
    char partner_secret[64];
};

/* Makes it in an empty Redis and remembers it (redis_save). */
void fixture_make(struct driver *d, struct fixture *made);

/*
 * Every route of every dialect:
 *
 *     for (struct a_route at = { 0 }; next_route(&at);) ...
 */
struct a_route {
    int dialect;
    wsp_route route;
    size_t next;
};

bool next_route(struct a_route *at);

bool writes(const struct a_route *at);
bool is_about_one(const struct a_route *at);    /* one workspace */
bool names_workspace(const struct a_route *at); /* in its path */

/* A request that succeeds for whoever may, with X-Workspace-ID where the path
 * does not name the workspace that it is about, signed where a signature says
 * who that is.  Fails the test for an operation without a sample: a new route
 * must be given one. */
struct ask sample_of(const struct a_route *at, const char *workspace);

/* The same as one who may ask it. */
struct ask allowed_sample_of(const struct a_route *at,
                             const char *workspace);

/* Its status when it succeeds, and when the workspace may not be seen. */
unsigned sample_status(const struct a_route *at);
unsigned sample_unseen(const struct a_route *at);

/* What it leaves behind is not the same each time: an id, a nonce. */
bool sample_varies(const struct a_route *at);

/* Its answer holds an id that is new each time. */
bool sample_has_reference(const struct a_route *at);

/* It changes nothing where there is nothing to be changed. */
bool sample_may_be_idle(const struct a_route *at);

/* Only who has the invited address may, besides having the token. */
bool sample_is_guests(const struct a_route *at);

/* The value of a member, without quotes, of the first object that has it. */
void take_value(const struct answer *from, const char *name, char *into,
                size_t size);

/* It names the organization acme: those of another find nothing. */
bool sample_is_of_organization(const struct a_route *at);

/* Registers a partner; the answer has its key and its secrets. */
const struct answer *register_partner(struct driver *d, const char *id);

/* Makes a workspace and returns its id; static, for 8 calls. */
const char *make_workspace(struct driver *d, const char *user,
                           const char *body);
void add_member(struct driver *d, const char *workspace, const char *by,
                const char *user, const char *roles);

/* "_id" of a workspace in an answer; static, for 8 calls. */
const char *id_in(const struct answer *answer);

#endif /* TEST_FIXTURE_H */
