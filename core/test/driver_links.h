/* driver_links.h - what the two parts of the driver know of each other. */
#ifndef TEST_DRIVER_LINKS_H
#define TEST_DRIVER_LINKS_H

#include <time.h>

#include "driver.h"

enum { PATIENCE_MS = 60000 };

uint64_t clock_ms(clockid_t which);
wsp_str str(const char *text);

/* driver_links.c */
void tell_time(struct driver *d);
void links_settle(struct driver *d);    /* actions, output, what is done */
void links_free(struct driver *d);

/* driver.c: what has ended, and the log */
void take_done(struct driver *d);

#endif /* TEST_DRIVER_LINKS_H */
