#include "alloc.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

static unsigned long armed;
static unsigned long left;      /* 0: not armed */
static bool failed;

/* Crashes are reported with their stack, instead of by cmocka's handler. */
const char *__asan_default_options(void);

const char *__asan_default_options(void) {
    return "handle_segv=2:handle_sigbus=2:handle_sigfpe=2:handle_sigill=2:"
           "handle_abort=2";
}

static bool fails(void) {
    if (left == 0 || alloc_paused != 0 || --left != 0) {
        return false;
    }
    failed = true;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__real__Znwm(size_t size);
void *__real__Znam(size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
void *__wrap__Znwm(size_t size);
void *__wrap__Znam(size_t size);

/* std::__throw_bad_alloc() */
void _ZSt17__throw_bad_allocv(void) __attribute__((noreturn));

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text) {
    return fails() ? NULL : __real_strdup(text);
}

/* operator new and operator new[] */
void *__wrap__Znwm(size_t size) {
    if (fails()) {
        _ZSt17__throw_bad_allocv();
    }
    return __real__Znwm(size);
}

void *__wrap__Znam(size_t size) {
    if (fails()) {
        _ZSt17__throw_bad_allocv();
    }
    return __real__Znam(size);
}

static void *json_alloc(size_t size) {
    return malloc(size);
}

void alloc_arm(unsigned long k) {
    static bool hooked;
    if (!hooked) {
        hooked = true;
        json_set_alloc_funcs(json_alloc, free);
    }
    armed = left = k;
    failed = false;
}

unsigned long alloc_counted(void) {
    return armed - left;
}

bool alloc_disarm(void) {
    left = 0;
    return failed;
}
