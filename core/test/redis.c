#include "redis.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char directory[256];
static char socket_path[300];
static char url[320];
static pid_t server;
static redisContext *admin;

static void disconnect(void) {
    if (admin != NULL) {
        redisFree(admin);
        admin = NULL;
    }
}

void redis_stop(void) {
    disconnect();
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
        server = 0;
    }
}

static void end_all(void) {
    redis_stop();
    unlink(socket_path);
    rmdir(directory);
}

static void make_directory(void) {
    const char *base = getenv("TMPDIR");
    /* the path of a socket is short */
    if (base == NULL || strlen(base) > 60) {
        base = "/tmp";
    }
    snprintf(directory, sizeof directory, "%s/core-test-XXXXXX", base);
    if (mkdtemp(directory) == NULL) {
        fail_msg("no directory %s", directory);
    }
    snprintf(socket_path, sizeof socket_path, "%s/s", directory);
    snprintf(url, sizeof url, "unix:%s", socket_path);
    atexit(end_all);
}

static void exec_server(pid_t parent) {
    /* a test that crashes leaves no server behind */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(1);
    }
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", 1);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
           socket_path, "--unixsocketperm", "700", "--dir", directory,
           "--save", "", "--appendonly", "no", "--maxmemory-policy",
           "noeviction", (char *) NULL);
    _exit(127);
}

void redis_start(void) {
    if (directory[0] == '\0') {
        make_directory();
    }
    unlink(socket_path);
    pid_t parent = getpid();
    server = fork();
    if (server == 0) {
        exec_server(parent);
    }
    for (int i = 0; i < 6000; i++) {
        admin = redisConnectUnix(socket_path);
        if (admin != NULL && admin->err == 0) {
            redisReply *pong = redisCommand(admin, "PING");
            bool up = pong != NULL && pong->type == REDIS_REPLY_STATUS;
            if (pong != NULL) {
                freeReplyObject(pong);
            }
            if (up) {
                return;
            }
        }
        disconnect();
        if (waitpid(server, NULL, WNOHANG) == server) {
            server = 0;
            break;
        }
        usleep(10000);
    }
    redis_stop();
    fail_msg("redis-server does not start");
}

static redisContext *connected(void) {
    if (server == 0) {
        redis_start();
    }
    return admin;
}

const char *redis_url(void) {
    connected();
    return url;
}

const char *redis_socket(void) {
    connected();
    return socket_path;
}

pid_t redis_pid(void) {
    connected();
    return server;
}

static redisReply *run(const char *format, va_list args) {
    redisReply *reply = redisvCommand(connected(), format, args);
    if (reply == NULL) {
        fail_msg("%s: %s", format, admin->errstr);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        fail_msg("%s: %s", format, reply->str);
    }
    return reply;
}

redisReply *redis_run(const char *format, ...) {
    va_list args;
    va_start(args, format);
    redisReply *reply = run(format, args);
    va_end(args);
    return reply;
}

void redis_do(const char *format, ...) {
    va_list args;
    va_start(args, format);
    freeReplyObject(run(format, args));
    va_end(args);
}

long long redis_number(const char *format, ...) {
    va_list args;
    va_start(args, format);
    redisReply *reply = run(format, args);
    va_end(args);
    long long number = reply->type == REDIS_REPLY_INTEGER ? reply->integer
                       : reply->str != NULL ? atoll(reply->str)
                                            : -1;
    freeReplyObject(reply);
    return number;
}

const char *redis_text(const char *format, ...) {
    static redisReply *last;
    if (last != NULL) {
        freeReplyObject(last);
    }
    va_list args;
    va_start(args, format);
    last = run(format, args);
    va_end(args);
    return last->type == REDIS_REPLY_NIL ? NULL : last->str;
}

void redis_flush(void) {
    redis_do("FLUSHALL");
}

/* Sorted: a set or hash comes in any order.  ARGV[1] "digest": SHA-1 of it,
 * else how often that text is in it. */
static const char walk[] =
    "local out = {} "
    "local keys = redis.call('KEYS', '*') "
    "table.sort(keys) "
    "for _, key in ipairs(keys) do "
    "  local skip = KEYS[1] == 'digest' and "
    "    (string.match(key, '^wsp:{%d+}:[^:]*:[tk]:') "
    "     or string.match(key, '^wsp:{%d+}:[^:]*:[ri]?id$') "
    "     or string.match(key, '^wsp:i:')) "
    "  if not skip then "
    "    local kind = redis.call('TYPE', key).ok "
    "    local value = {} "
    "    if kind == 'hash' then "
    "      local all = redis.call('HGETALL', key) "
    "      for i = 1, #all, 2 do "
    "        value[#value + 1] = #all[i] .. all[i] .. '=' .. all[i + 1] "
    "      end "
    "    elseif kind == 'set' then value = redis.call('SMEMBERS', key) "
    "    elseif kind == 'zset' then "
    "      value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') "
    "    elseif kind == 'list' then "
    "      value = redis.call('LRANGE', key, 0, -1) "
    "    else value = {redis.call('GET', key)} end "
    "    if kind == 'hash' or kind == 'set' then table.sort(value) end "
    "    out[#out + 1] = key .. kind .. table.concat(value, '\\n') "
    "  end "
    "end "
    "local all = table.concat(out, '\\n') "
    "if KEYS[1] == 'digest' then return redis.sha1hex(all) end "
    "local found, from = 0, 1 "
    "while true do "
    "  local at = string.find(all, ARGV[1], from, true) "
    "  if not at then return found end "
    "  found = found + 1 from = at + 1 "
    "end";

const char *redis_digest(void) {
    static char digests[2][64];
    static int which;
    which = !which;
    redisReply *reply = redis_run("EVAL %s 1 digest", walk);
    snprintf(digests[which], sizeof digests[which], "%s", reply->str);
    freeReplyObject(reply);
    return digests[which];
}

long long redis_mentions(const char *text, size_t len) {
    return redis_number("EVAL %s 1 search %b", walk, text, len);
}

void redis_save(void) {
    redis_do("EVAL %s 0",
             "redis.call('SELECT', 1) redis.call('FLUSHDB') "
             "redis.call('SELECT', 0) "
             "for _, key in ipairs(redis.call('KEYS', '*')) do "
             "  redis.call('COPY', key, key, 'DB', 1) "
             "end return 1");
}

void redis_restore(void) {
    redis_do("EVAL %s 0",
             "redis.call('SELECT', 0) redis.call('FLUSHDB') "
             "redis.call('SELECT', 1) "
             "for _, key in ipairs(redis.call('KEYS', '*')) do "
             "  redis.call('COPY', key, key, 'DB', 0) "
             "end return 1");
}
