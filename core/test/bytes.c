#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

volatile unsigned alloc_paused;

void bytes_put(struct bytes *to, const char *data, size_t len) {
    if (to->len + len + 1 > to->room) {
        size_t room = 2 * (to->len + len + 1);
        alloc_paused++;
        char *fresh = realloc(to->data, room);
        alloc_paused--;
        if (fresh == NULL) {
            abort();
        }
        to->data = fresh;
        to->room = room;
    }
    if (len != 0) {
        memcpy(to->data + to->len, data, len);
    }
    to->len += len;
    to->data[to->len] = '\0';
}

void bytes_puts(struct bytes *to, const char *text) {
    bytes_put(to, text, strlen(text));
}

void bytes_printf(struct bytes *to, const char *format, ...) {
    char line[4096];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (len < 0 || (size_t) len >= sizeof line) {
        abort();
    }
    bytes_put(to, line, (size_t) len);
}

void bytes_drop(struct bytes *from, size_t len) {
    if (len != 0) {
        memmove(from->data, from->data + len, from->len - len + 1);
        from->len -= len;
    }
}

void bytes_clear(struct bytes *all) {
    bytes_drop(all, all->len);
}

void bytes_free(struct bytes *all) {
    free(all->data);
    *all = (struct bytes) { 0 };
}
