
/*
 * delay.c - hands on what unix sockets say, the answers so much later.
 *
 *     delay LISTEN TARGET MICROSECONDS
 *
 * Whoever connects to LISTEN talks to TARGET: what it says goes there at once,
 * what it is told comes MICROSECONDS later.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>


#define PIECE  65536


typedef struct pipe_s   pipe_t;
typedef struct piece_s  piece_t;


struct piece_s {
    piece_t   *next;
    uint64_t   due;
    size_t     size;
    size_t     sent;
    char       bytes[];
};


/* one way of a connection; both ways are one allocation */

struct pipe_s {
    int        from;
    int        to;
    uint64_t   delay;
    piece_t   *first;
    piece_t  **last;
    pipe_t    *other;
    pipe_t    *next;        /* of all */
    int        ended;
};


static pipe_t   *pipes;
static int       ep, timer;


static void
die(const char *what)
{
    fprintf(stderr, "delay: %s: %s\n", what, strerror(errno));
    exit(1);
}


static uint64_t
now_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static struct sockaddr_un
address_of(const char *path)
{
    struct sockaddr_un  address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        die(path);
    }

    strcpy(address.sun_path, path);

    return address;
}


static void
add_pipe(pipe_t *p, pipe_t *other, int from, int to, uint64_t delay)
{
    struct epoll_event  event = { .events = EPOLLIN, .data.ptr = p };

    p->from = from;
    p->to = to;
    p->delay = delay;
    p->last = &p->first;
    p->other = other;
    p->next = pipes;
    pipes = p;

    if (epoll_ctl(ep, EPOLL_CTL_ADD, from, &event) == -1) {
        die("epoll_ctl");
    }
}


static void
take(int listener, const char *target, uint64_t delay)
{
    int                  client, server;
    pipe_t              *both;
    struct sockaddr_un   address = address_of(target);

    client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (client == -1) {
        return;
    }

    server = socket(AF_UNIX, SOCK_STREAM, 0);
    if (server == -1
        || connect(server, (struct sockaddr *) &address, sizeof(address)) == -1)
    {
        die(target);
    }

    both = calloc(2, sizeof(pipe_t));
    if (both == NULL) {
        die("calloc");
    }

    add_pipe(&both[0], &both[1], client, server, 0);
    add_pipe(&both[1], &both[0], server, client, delay);
}


static void
end(pipe_t *p)
{
    if (!p->ended) {
        p->ended = p->other->ended = 1;
        shutdown(p->from, SHUT_RDWR);
        shutdown(p->to, SHUT_RDWR);
        close(p->from);
        close(p->to);
    }
}


/* gives out what is due; the time of what is next, 0: nothing */

static uint64_t
give(pipe_t *p, uint64_t now)
{
    ssize_t   n;
    piece_t  *piece;

    while ((piece = p->first) != NULL && !p->ended) {
        if (piece->due > now) {
            return piece->due;
        }

        n = send(p->to, piece->bytes + piece->sent, piece->size - piece->sent,
                 MSG_NOSIGNAL);
        if (n == -1) {
            if (errno == EAGAIN) {
                return now + 100000;
            }
            end(p);
            return 0;
        }

        piece->sent += (size_t) n;

        if (piece->sent == piece->size) {
            p->first = piece->next;
            if (p->first == NULL) {
                p->last = &p->first;
            }
            free(piece);
        }
    }

    return 0;
}


static void
receive(pipe_t *p, uint64_t now)
{
    ssize_t   n;
    piece_t  *piece;

    piece = malloc(sizeof(piece_t) + PIECE);
    if (piece == NULL) {
        die("malloc");
    }

    n = recv(p->from, piece->bytes, PIECE, MSG_DONTWAIT);

    if (n <= 0) {
        free(piece);
        if (n == 0 || errno != EAGAIN) {
            end(p);
        }
        return;
    }

    piece = realloc(piece, sizeof(piece_t) + (size_t) n);
    piece->next = NULL;
    piece->due = now + p->delay;
    piece->size = (size_t) n;
    piece->sent = 0;
    *p->last = piece;
    p->last = &piece->next;
}


/* gives out all that is due, and sets the timer for the rest */

static void
give_all(void)
{
    pipe_t            *p;
    uint64_t           now, due, first;
    struct itimerspec  spec = { { 0, 0 }, { 0, 0 } };

    now = now_ns();
    first = 0;

    for (p = pipes; p != NULL; p = p->next) {
        due = p->ended ? 0 : give(p, now);
        if (due != 0 && (first == 0 || due < first)) {
            first = due;
        }
    }

    if (first != 0) {
        spec.it_value.tv_sec = (time_t) (first / 1000000000);
        spec.it_value.tv_nsec = (long) (first % 1000000000);
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL);
    }
}


int
main(int argc, char **argv)
{
    int                  i, n, listener;
    uint64_t             expirations, now;
    struct sockaddr_un   address;
    struct epoll_event   events[64];
    struct epoll_event   of_listener = { .events = EPOLLIN };
    struct epoll_event   of_timer = { .events = EPOLLIN, .data.ptr = &timer };

    if (argc != 4) {
        fprintf(stderr, "usage: delay LISTEN TARGET MICROSECONDS\n");
        return 1;
    }

    address = address_of(argv[1]);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (listener == -1
        || bind(listener, (struct sockaddr *) &address, sizeof(address)) == -1
        || listen(listener, 64) == -1)
    {
        die(argv[1]);
    }

    ep = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &of_listener);
    epoll_ctl(ep, EPOLL_CTL_ADD, timer, &of_timer);

    for ( ;; ) {
        n = epoll_wait(ep, events, 64, -1);
        now = now_ns();

        for (i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL) {
                take(listener, argv[2], strtoull(argv[3], NULL, 10) * 1000);

            } else if (events[i].data.ptr == &timer) {
                if (read(timer, &expirations, sizeof(expirations)) == -1) {
                    continue;
                }

            } else if (!((pipe_t *) events[i].data.ptr)->ended) {
                receive(events[i].data.ptr, now);
            }
        }

        give_all();
    }
}
