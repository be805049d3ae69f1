/*
 * fake.h - a Redis without a socket: reads the commands that the core wrote
 * and answers each with something plausible, or with what a test scripts.
 */
#ifndef TEST_FAKE_H
#define TEST_FAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FAKE_WORDS = 12 };

#define FAKE_INFO                                                            \
    "# Server\r\nrun_id:5d2f\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n"

/* What is answered to INFO: FAKE_INFO, unless a test sets it. */
extern const char *fake_info;

struct fake_command {
    size_t count;               /* all words; the first FAKE_WORDS follow */
    const char *word[FAKE_WORDS];
    size_t len[FAKE_WORDS];
    size_t size;                /* bytes that it took */
};

/* The command at the start; false: none that is whole. */
bool fake_parse(const char *data, size_t len, struct fake_command *out);

bool fake_is(const struct fake_command *command, size_t word,
             const char *text);

/* Appends what a Redis would answer in which there is one workspace, 7,
 * whose owner and admin is ann, and 8 and 9 like it. */
void fake_answer(const struct fake_command *command, struct bytes *into);

/* Answers all whole commands at the start of `sent` and drops them; how
 * many they were. */
size_t fake_serve(struct bytes *sent, struct bytes *into);

#ifdef __cplusplus
}
#endif

#endif /* TEST_FAKE_H */
