/*
 * alloc.h - lets the k-th allocation fail.
 *
 * Allocations of the core, of hiredis (both linked statically, by the
 * linker's --wrap) and of jansson (by its hook) count while armed; those
 * under alloc_paused (bytes.h) are the test's own.
 */
#ifndef TEST_ALLOC_H
#define TEST_ALLOC_H

#include <stdbool.h>

void alloc_arm(unsigned long k);    /* the k-th from now on fails; once */
bool alloc_disarm(void);            /* whether it has failed */
unsigned long alloc_counted(void);  /* since it was armed; none has failed */

#endif /* TEST_ALLOC_H */
