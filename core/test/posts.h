/*
 * posts.h - partners, events that are queued for them, and an endpoint that a
 * test plays.
 */
#ifndef TEST_POSTS_H
#define TEST_POSTS_H

#include "driver.h"

enum { POST_HANDS = 64, POST_HANDS_OF_TENANT = 4, POST_TRIES = 10 };

/* Tenants of one partition, and the keys there. */
#define PARTNER "acme"
#define OTHER "b73"
#define POSTS "wsp:{62}::"
#define RECORD "wsp:{62}:" PARTNER ":"

/* A worker that sends webhooks, with a clock that the test moves. */
struct driver *poster(struct driver_options options);

/* Registers a partner with this webhook URL (NULL: none); its outgoing secret
 * is static, for 4 calls. */
const char *partner_made(struct driver *d, const char *id, const char *url);
/* Changes it, or rotates its outgoing secret, through the dialect operator. */
void partner_patched(struct driver *d, const char *id, const char *body);
const char *secret_rotated(struct driver *d, const char *id, unsigned grace_s);

/* Queues an event as the commit of a change does. */
void event_queued(struct driver *d, const char *partner, const char *client,
                  const char *event_id);

/* What the driver is asked to send. */
struct post {
    uint64_t number;
    char url[256];
    char host[128];
    unsigned port;
    bool https;
    char headers[1024];         /* "name: value\n" each */
    char signature[512];
    char event_id[64];
    char body[1024];
};

/* Waits for one; fails the test when none comes. */
struct post next_post(struct driver *d);
/* Turns for a while: false when none came. */
bool any_post(struct driver *d, struct post *out);

/* The endpoint answers, or the driver says why it does not. */
void answers(struct driver *d, const struct post *to, unsigned status);
void answers_with(struct driver *d, const struct post *to, unsigned status,
                  const char *retry_after, const char *body, size_t len);
void fails(struct driver *d, const struct post *to, int outcome,
           const char *reason);

/* Until the delivery is in this state (or the try is noted). */
void until_state(struct driver *d, const char *event_id, const char *state);
void until_tries(struct driver *d, const char *event_id, unsigned tries);
long long lane_due(const char *client);

#endif /* TEST_POSTS_H */
