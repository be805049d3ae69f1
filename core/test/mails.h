/*
 * mails.h - invitations, the outbox that their mails wait in, and an SMTP
 * server that a test plays.
 */
#ifndef TEST_MAILS_H
#define TEST_MAILS_H

#include "driver.h"

enum { OUTBOX_HANDS = 16, LEASE_MS = 90000 };

/* Keys of the tenant acme's partition. */
#define OUTBOX "wsp:{62}::"

/* Invites these addresses, all of a workspace; its id is static. */
const struct answer *invite(struct driver *d, const char *workspace,
                            const char *body);

/* Turns until the driver is given a job, of mail or of this kind; fails the
 * test when none comes. */
uint64_t job_of(struct driver *d);
uint64_t next_job_of(struct driver *d, int kind);
/* Turns for a while: WSP_AGAIN when none came. */
int any_job(struct driver *d, uint64_t *number);
int any_job_of(struct driver *d, int kind, uint64_t *number);

/* Feeds a reply, and takes what is written then; static text. */
const char *smtp_says(struct driver *d, uint64_t number, const char *reply);
const char *smtp_reads(struct driver *d, uint64_t number);
/* The whole dialog: 250 and so on; the message, as it was written. */
char *smtp_takes(struct driver *d, uint64_t number);

/* The part of a message with this header, decoded; to be freed. */
char *mail_part(const char *from, const char *type);

void job_ends(struct driver *d, uint64_t number, int outcome,
              const char *reason);

/* Until the script on Redis answers this number. */
void until_number(struct driver *d, long long wanted, const char *format,
                  ...)
    __attribute__((format(printf, 3, 4)));
/* Wall clock and monotonic clock go on; the clock must be stopped. */
void time_passes(struct driver *d, uint64_t ms);

#endif /* TEST_MAILS_H */
