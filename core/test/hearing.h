/*
 * hearing.h - a manual driver (driver.h) with a cache, both of whose links
 * are ready, and a Redis that answers when the test says so.
 */
#ifndef TEST_HEARING_H
#define TEST_HEARING_H

#include "driver.h"

/* What it has in Redis: fake.h.  These are its keys. */
#define KEY_7       "wsp:{62}:acme:w:7"
#define KEY_7_M     "wsp:{62}:acme:w:7:m"

/* max_stale is 1 s; the pong to the first ping has come. */
struct driver *hearing_new(void);

/* Answers all commands of the data link, and those that follow. */
void hearing_serve(struct driver *d);
/* The answers to what is asked now, which are still under way; add to it. */
void hearing_hold(struct driver *d, struct bytes *replies);
/* They arrive. */
void hearing_give(struct driver *d, struct bytes *replies);

/* How many commands of that name wait for an answer on a wire. */
unsigned hearing_asked(const struct wire *wire, const char *name);

/* On the tracking link: connecting; a key has changed; all have; a pong. */
void hearing_connect(struct driver *d);
void hearing_changed(struct driver *d, const char *key);
void hearing_flushed(struct driver *d);
void hearing_pong(struct driver *d);

/* A decision about a user and workspace 7. */
struct ask may(const char *user);

#endif /* TEST_HEARING_H */
