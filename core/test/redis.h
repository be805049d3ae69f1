/*
 * redis.h - a redis-server of the test program's own, on a unix socket in a
 * directory of its own, and an administrator's connection to it.
 */
#ifndef TEST_REDIS_H
#define TEST_REDIS_H

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <sys/types.h>

/* Starts it when it does not run yet; it ends with the program. */
const char *redis_url(void);    /* unix:/... */
const char *redis_socket(void);
pid_t redis_pid(void);
void redis_stop(void);
void redis_start(void);         /* again, empty, at the same address */

/* A command; an error reply fails the test.  Free the reply. */
redisReply *redis_run(const char *format, ...);
void redis_do(const char *format, ...);         /* drops the reply */
long long redis_number(const char *format, ...);
/* Text that lives until the next call; NULL: nil */
const char *redis_text(const char *format, ...);

void redis_flush(void);

/* SHA-1 of every key with its value, but for t:, k: and counters, which refused
 * and failed calls may leave behind.  Lives until the next call but one. */
const char *redis_digest(void);

/* Remembers database 0, and puts it back. */
void redis_save(void);
void redis_restore(void);

/* How many bytes of that text are in any key or value. */
long long redis_mentions(const char *text, size_t len);

#endif /* TEST_REDIS_H */
