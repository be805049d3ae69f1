/* bytes.h - bytes that grow, for the tests and the fuzz targets. */
#ifndef TEST_BYTES_H
#define TEST_BYTES_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bytes {
    char *data;     /* a NUL follows; NULL while empty */
    size_t len;
    size_t room;
};

void bytes_put(struct bytes *to, const char *data, size_t len);
void bytes_puts(struct bytes *to, const char *text);
void bytes_printf(struct bytes *to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bytes_drop(struct bytes *from, size_t len);    /* the first of them */
void bytes_clear(struct bytes *all);
void bytes_free(struct bytes *all);

/* While not 0, allocations are the test's own and do not fail: alloc.h.
 * Volatile, for compilers know that malloc looks at no variable. */
extern volatile unsigned alloc_paused;

#ifdef __cplusplus
}
#endif

#endif /* TEST_BYTES_H */
