
/*
 * load.c - sends HTTP requests over connections that are kept, at a fixed rate
 * (an open loop) or as fast as they are answered (a closed one).
 *
 *     load -p PORT -c CONNECTIONS [-r RATE] [-d SECONDS] [-n REQUESTS]
 *          [-a ABORTS] [-w PAUSE] [-m IDS] [-f FIRST] FILE
 *
 *     -r  requests a second; without it: closed loop
 *     -a  of 1000 requests so many are given up, the connection reset, after
 *         they were sent
 *     -w  after a 503 nothing is sent for so many milliseconds
 *     -m  {i} is one of 1 to IDS, at random
 *     -f  {n} counts from FIRST
 *
 * FILE has requests as they go over the wire, each after a line "WEIGHT SIZE"
 * and before a line end.  In them {n} is the number of the request, with nine
 * digits, and {i} an id.
 *
 * At a fixed rate request k is due at k / RATE, whatever became of those before
 * it, and its latency counts from then: one that has to wait, since all
 * connections are busy or this program is late, has waited (no coordinated
 * omission).  A connection that the server closed between two requests is made
 * anew, and the request sent again; its clock goes on.
 *
 * Prints one line of JSON.  The status is 0 whatever the answers were.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>


#define TEMPLATES_MAX  256
#define HEAD_MAX       16384
#define TRIES_MAX      100


typedef struct {
    int        weight;
    size_t     size;
    char      *text;
} template_t;


typedef struct {
    int        fd;
    int        busy;
    int        tries;           /* of the request under way */
    uint64_t   due;             /* when it should have been sent */

    char      *out;
    size_t     out_size;
    size_t     out_room;
    size_t     sent;

    char       head[HEAD_MAX];
    size_t     head_size;
    int        status;          /* 0: the head is not there yet */
    int        closes;
    size_t     body_left;
} connection_t;


static struct {
    int            port;
    int            connections;
    double         rate;
    double         seconds;
    uint64_t       requests;
    int            aborts;
    uint64_t       pause;
    uint64_t       ids;
    uint64_t       first;
} option = { .connections = 64, .ids = 1 };

static template_t     templates[TEMPLATES_MAX];
static int            templates_count;
static int            weights;

static connection_t  *connections;
static connection_t **idle;
static int            idle_count;
static int            ep;

static uint64_t       begun;            /* requests, those given up included */
static uint64_t       given_up;
static uint64_t       again;
static uint64_t       failed;
static uint64_t       bytes;
static uint64_t       statuses[600];

static uint32_t      *latencies;        /* in microseconds */
static size_t         latencies_count;
static size_t         latencies_room;

static uint64_t       start;
static uint64_t       pause_until;

static volatile sig_atomic_t  stopped;


static void
die(const char *format, ...)
{
    va_list  args;

    fprintf(stderr, "load: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    exit(1);
}


static void
stop(int signal_number)
{
    (void) signal_number;
    stopped = 1;
}


static void *
grown(void *memory, size_t size)
{
    memory = realloc(memory, size);

    if (memory == NULL) {
        die("out of memory");
    }

    return memory;
}


static uint64_t
now_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* xorshift64*: the same requests in each run */

static uint64_t
random_below(uint64_t limit)
{
    static uint64_t  state = 88172645463325252ull;

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;

    return (state * 2685821657736338717ull >> 16) % limit;
}


static void
read_templates(const char *path)
{
    int          weight;
    FILE        *in;
    size_t       size;
    template_t  *t;

    in = fopen(path, "rb");
    if (in == NULL) {
        die("%s: %s", path, strerror(errno));
    }

    while (fscanf(in, "%d %zu", &weight, &size) == 2) {
        if (templates_count == TEMPLATES_MAX || weight <= 0
            || fgetc(in) != '\n')
        {
            die("%s: not what it should be", path);
        }

        t = &templates[templates_count++];
        t->weight = weight;
        t->size = size;
        t->text = grown(NULL, size + 1);
        t->text[size] = '\0';
        weights += weight;

        if (fread(t->text, 1, size, in) != size) {
            die("%s: ends early", path);
        }
    }

    fclose(in);

    if (templates_count == 0) {
        die("%s: no requests", path);
    }
}


static void
put(connection_t *c, const char *text, size_t size)
{
    if (c->out_size + size > c->out_room) {
        c->out_room = 2 * (c->out_size + size);
        c->out = grown(c->out, c->out_room);
    }

    memcpy(c->out + c->out_size, text, size);
    c->out_size += size;
}


static void
make_request(connection_t *c)
{
    int          at, n;
    char         number[32];
    const char  *from, *end, *brace;
    template_t  *t;

    at = (int) random_below((uint64_t) weights);
    for (t = templates; at >= t->weight; t++) {
        at -= t->weight;
    }

    c->out_size = 0;
    from = t->text;
    end = t->text + t->size;

    while ((brace = memchr(from, '{', (size_t) (end - from))) != NULL) {

        if (strncmp(brace, "{n}", 3) == 0) {
            n = sprintf(number, "%09" PRIu64, option.first + begun);

        } else if (strncmp(brace, "{i}", 3) == 0) {
            n = sprintf(number, "%" PRIu64, 1 + random_below(option.ids));

        } else {
            put(c, from, (size_t) (brace + 1 - from));
            from = brace + 1;
            continue;
        }

        put(c, from, (size_t) (brace - from));
        put(c, number, (size_t) n);
        from = brace + 3;
    }

    put(c, from, (size_t) (end - from));
}


static void
watch(connection_t *c, int operation, uint32_t events)
{
    struct epoll_event  event = { .events = events, .data.ptr = c };

    if (epoll_ctl(ep, operation, c->fd, &event) == -1) {
        die("epoll_ctl: %s", strerror(errno));
    }
}


static void
open_connection(connection_t *c)
{
    int                 one = 1;
    struct sockaddr_in  address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t) option.port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd == -1) {
        die("socket: %s", strerror(errno));
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    if (connect(c->fd, (struct sockaddr *) &address, sizeof(address)) == -1
        && errno != EINPROGRESS)
    {
        die("connect: %s", strerror(errno));
    }

    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}


static void
reopen(connection_t *c, int reset)
{
    struct linger  now = { .l_onoff = 1, .l_linger = 0 };

    if (reset) {
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }

    close(c->fd);
    open_connection(c);
}


static void
rest(connection_t *c)
{
    c->busy = 0;
    idle[idle_count++] = c;
}


static void
count_latency(uint64_t due)
{
    if (latencies_count == latencies_room) {
        latencies_room = latencies_room ? 2 * latencies_room : 65536;
        latencies = grown(latencies, latencies_room * sizeof(uint32_t));
    }

    latencies[latencies_count++] = (uint32_t) ((now_ns() - due) / 1000);
}


static void  lost(connection_t *c);


static void
flush(connection_t *c)
{
    ssize_t  n;

    while (c->sent < c->out_size) {
        n = send(c->fd, c->out + c->sent, c->out_size - c->sent,
                 MSG_NOSIGNAL);

        if (n == -1) {
            if (errno == EAGAIN || errno == ENOTCONN) {
                watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
                return;
            }

            lost(c);
            return;
        }

        c->sent += (size_t) n;
    }
}


/* the connection ended before the answer did */

static void
lost(connection_t *c)
{
    reopen(c, 0);

    if (c->status != 0 || c->head_size != 0 || ++c->tries == TRIES_MAX) {
        failed++;
        rest(c);
        return;
    }

    again++;
    c->sent = 0;
    watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}


static void
begin(connection_t *c, uint64_t due)
{
    make_request(c);
    begun++;

    c->busy = 1;
    c->due = due;
    c->tries = 0;
    c->sent = 0;
    c->head_size = 0;
    c->status = 0;

    flush(c);

    if (option.aborts && c->busy
        && random_below(1000) < (uint64_t) option.aborts)
    {
        given_up++;
        reopen(c, 1);
        rest(c);
    }
}


/* 0: the head is not complete; else its size */

static size_t
parse_head(connection_t *c)
{
    char    *end, *line;
    size_t   size;

    c->head[c->head_size] = '\0';
    end = strstr(c->head, "\r\n\r\n");
    if (end == NULL) {
        if (c->head_size == HEAD_MAX - 1) {
            die("a head of more than %d bytes", HEAD_MAX);
        }
        return 0;
    }

    size = (size_t) (end - c->head) + 4;
    end[2] = '\0';

    if (sscanf(c->head, "HTTP/1.1 %d", &c->status) != 1
        || c->status < 100 || c->status > 599)
    {
        die("no HTTP: %.60s", c->head);
    }

    c->body_left = SIZE_MAX;
    c->closes = 0;

    for (line = strstr(c->head, "\r\n"); line != NULL;
         line = strstr(line + 2, "\r\n"))
    {
        if (strncasecmp(line + 2, "content-length:", 15) == 0) {
            c->body_left = strtoul(line + 17, NULL, 10);

        } else if (strncasecmp(line + 2, "connection: close", 17) == 0) {
            c->closes = 1;
        }
    }

    if (c->status == 204 || c->status == 304) {
        c->body_left = 0;
    }

    if (c->body_left == SIZE_MAX) {
        die("an answer without Content-Length: %.200s", c->head);
    }

    return size;
}


static void
receive(connection_t *c)
{
    size_t       head;
    ssize_t      n;
    static char  body[262144];

    for ( ;; ) {
        if (c->busy && c->status == 0) {
            n = recv(c->fd, c->head + c->head_size,
                     HEAD_MAX - 1 - c->head_size, 0);

        } else {
            n = recv(c->fd, body, sizeof(body), 0);
        }

        if (n == -1 && errno == EAGAIN) {
            return;
        }

        if (!c->busy) {
            /* closed between two requests, or an answer that nobody asked
             * for */
            if (n > 0) {
                die("an answer to no request");
            }
            reopen(c, 0);
            return;
        }

        if (n <= 0) {
            lost(c);
            return;
        }

        bytes += (uint64_t) n;

        if (c->status == 0) {
            c->head_size += (size_t) n;
            head = parse_head(c);
            if (head == 0) {
                continue;
            }
            n = (ssize_t) (c->head_size - head);
        }

        if ((size_t) n > c->body_left) {
            die("an answer is longer than it says");
        }

        c->body_left -= (size_t) n;

        if (c->body_left == 0) {
            statuses[c->status]++;
            count_latency(c->due);
            if (c->status == 503 && option.pause) {
                pause_until = now_ns() + option.pause * 1000000;
            }
            if (c->closes) {
                reopen(c, 0);
            }
            rest(c);
            return;
        }
    }
}


static void
wake_at(int timer, uint64_t when)
{
    struct itimerspec  spec = {
        .it_value = { (time_t) (when / 1000000000),
                      (long) (when % 1000000000) },
    };

    timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL);
}


static double
run(void)
{
    int                  i, n, timer;
    uint64_t             now, end, due, expirations;
    connection_t        *c;
    struct epoll_event   events[256];
    struct epoll_event   timer_event = { .events = EPOLLIN };

    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    epoll_ctl(ep, EPOLL_CTL_ADD, timer, &timer_event);

    start = now_ns();
    end = option.seconds > 0 ? start + (uint64_t) (option.seconds * 1e9)
                             : UINT64_MAX;

    for ( ;; ) {
        now = now_ns();

        if (now < pause_until) {
            wake_at(timer, pause_until);
        }

        while (idle_count > 0 && !stopped && now < end && now >= pause_until
               && (option.requests == 0 || begun < option.requests))
        {
            due = now;
            if (option.rate > 0) {
                due = start + (uint64_t) ((double) begun * 1e9 / option.rate);
                if (due >= end) {
                    break;
                }
                if (due > now) {
                    wake_at(timer, due);
                    break;
                }
            }

            begin(idle[--idle_count], due);
            now = now_ns();
        }

        if (stopped || now >= end
            || (option.requests != 0 && begun >= option.requests
                && idle_count == option.connections))
        {
            break;
        }

        n = epoll_wait(ep, events, 256, 100);
        if (n == -1 && errno != EINTR) {
            die("epoll_wait: %s", strerror(errno));
        }

        for (i = 0; i < n; i++) {
            c = events[i].data.ptr;

            if (c == NULL) {
                if (read(timer, &expirations, sizeof(expirations)) == -1) {
                    continue;
                }

            } else if (events[i].events & EPOLLOUT) {
                watch(c, EPOLL_CTL_MOD, EPOLLIN);
                if (c->busy) {
                    flush(c);
                }

            } else {
                receive(c);
            }
        }
    }

    return (double) (now_ns() - start) / 1e9;
}


static int
compare(const void *a, const void *b)
{
    uint32_t  x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return (x > y) - (x < y);
}


static uint32_t
percentile(double percent)
{
    size_t  rank;

    if (latencies_count == 0) {
        return 0;
    }

    rank = (size_t) (percent / 100 * (double) latencies_count);

    return latencies[rank < latencies_count ? rank : latencies_count - 1];
}


static void
report(double seconds)
{
    int          i;
    uint64_t     waiting, k;
    const char  *comma = "";

    /* those that are still not answered, or not even sent, have waited */

    waiting = 0;

    for (i = 0; i < option.connections; i++) {
        if (connections[i].busy) {
            waiting++;
            count_latency(connections[i].due);
        }
    }

    if (option.rate > 0 && option.requests == 0 && !stopped) {
        for (k = begun; (double) k < option.rate * option.seconds; k++) {
            waiting++;
            count_latency(start + (uint64_t) ((double) k * 1e9
                                              / option.rate));
        }
    }

    qsort(latencies, latencies_count, sizeof(uint32_t), compare);

    printf("{\"requests\":%" PRIu64 ",\"seconds\":%.3f,\"statuses\":{",
           begun, seconds);

    for (i = 0; i < 600; i++) {
        if (statuses[i] != 0) {
            printf("%s\"%d\":%" PRIu64, comma, i, statuses[i]);
            comma = ",";
        }
    }

    printf("},\"waiting\":%" PRIu64 ",\"given_up\":%" PRIu64
           ",\"again\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"p999_us\":%u,"
           "\"max_us\":%u}\n",
           waiting, given_up, again, failed, bytes, percentile(50),
           percentile(90), percentile(99), percentile(99.9), percentile(100));
}


int
main(int argc, char **argv)
{
    int     i, letter;
    double  seconds;

    while ((letter = getopt(argc, argv, "p:c:r:d:n:a:w:m:f:")) != -1) {
        switch (letter) {
        case 'p': option.port = atoi(optarg); break;
        case 'c': option.connections = atoi(optarg); break;
        case 'r': option.rate = atof(optarg); break;
        case 'd': option.seconds = atof(optarg); break;
        case 'n': option.requests = strtoull(optarg, NULL, 10); break;
        case 'a': option.aborts = atoi(optarg); break;
        case 'w': option.pause = strtoull(optarg, NULL, 10); break;
        case 'm': option.ids = strtoull(optarg, NULL, 10); break;
        case 'f': option.first = strtoull(optarg, NULL, 10); break;
        default: return 1;
        }
    }

    if (optind + 1 != argc || option.port == 0 || option.connections <= 0
        || option.ids == 0 || (option.seconds <= 0 && option.requests == 0))
    {
        die("usage: see the head of load.c");
    }

    read_templates(argv[optind]);

    signal(SIGINT, stop);
    signal(SIGTERM, stop);

    ep = epoll_create1(0);
    connections = calloc((size_t) option.connections, sizeof(connection_t));
    idle = calloc((size_t) option.connections, sizeof(connection_t *));
    if (ep == -1 || connections == NULL || idle == NULL) {
        die("out of memory");
    }

    for (i = 0; i < option.connections; i++) {
        open_connection(&connections[i]);
        rest(&connections[i]);
    }

    seconds = run();
    report(seconds);

    return 0;
}
